use std::process::ExitCode;

fn main() -> ExitCode {
    huifang::cli::main()
}
