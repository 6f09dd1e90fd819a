//! Gets a model by the first of its routes that gives files with the pinned hashes.
//!
//! Works in a folder beside the models and moves files into place only when all of a model are whole: what was there
//! before is never half replaced. What is already there and whole is not fetched again. Blocks.

use super::manifest::{FileState, Manifest, ModelEntry, Route};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The converters, so that the program alone can do it.
const SCRIPTS: [(&str, &str); 3] = [
    ("whisper_ct2_to_ggml.py", include_str!("../../../models/whisper_ct2_to_ggml.py")),
    ("silero_jit_to_ggml.py", include_str!("../../../models/silero_jit_to_ggml.py")),
    ("unpack.py", include_str!("../../../models/unpack.py")),
];
const PYTHON: &str = "python3";
/// Short: where the hub cannot be reached, the next route is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(6);
/// A download that gives nothing for this long has failed.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// A progress line every so many percent.
const PROGRESS_STEP: u64 = 10;
/// Characters of a tool's complaint that are passed on.
const COMPLAINT_MAX: usize = 300;

#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("there is no model {name:?}; known are {known}")]
    Unknown { name: String, known: String },
    #[error("{path}: {source}")]
    File { path: String, source: std::io::Error },
    /// Every route was tried.
    #[error("{files} could not be fetched: {failures}")]
    AllRoutes { files: String, failures: String },
}

/// What became of one model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetched {
    AlreadyThere,
    New,
}

/// Why one route failed; joined into [`FetchError::AllRoutes`].
#[derive(Debug, thiserror::Error)]
enum RouteError {
    #[error("{url}: {detail}")]
    Download { url: String, detail: String },
    #[error("{tool} is not installed")]
    NoTool { tool: &'static str },
    #[error("{what} failed: {complaint}")]
    Tool { what: String, complaint: String },
    #[error("{file} has {found}, the manifest wants {want}")]
    Mismatch { file: String, found: String, want: String },
    #[error("{file} is not in what was downloaded")]
    NotThere { file: String },
    #[error("{path}: {source}")]
    File { path: String, source: std::io::Error },
}

/// Fetches one model into `dir`; `say` gets lines of progress for people.
///
/// # Errors
/// An unknown name, a folder that cannot be written, or the failures of all routes in one line.
pub fn fetch(manifest: &Manifest, name: &str, dir: &Path, say: &mut dyn FnMut(&str)) -> Result<Fetched, FetchError> {
    let unknown = || FetchError::Unknown { name: name.into(), known: manifest.names() };
    let model = manifest.find(name).ok_or_else(unknown)?;
    if is_whole(model, dir)? {
        say(&format!("{name}: already there"));
        return Ok(Fetched::AlreadyThere);
    }
    let mut failures = Vec::new();
    for route in &model.routes {
        say(&format!("{name}: {} from {}", megabytes(model.bytes()), route.name));
        let work = dir.join(format!(".fetch-{name}"));
        let done = by_route(model, route, &work, dir, say);
        let cleared = std::fs::remove_dir_all(&work);
        match done {
            Ok(()) => {
                cleared.map_err(|source| FetchError::File { path: work.display().to_string(), source })?;
                say(&format!("{name}: done, every hash is right"));
                return Ok(Fetched::New);
            }
            Err(error) => {
                say(&format!("{name}: {} did not work: {error}", route.name));
                failures.push(format!("{}: {error}", route.name));
            }
        }
    }
    let files = model.files.iter().map(|f| f.path.display().to_string()).collect::<Vec<_>>();
    let files = files.first().map_or_else(String::new, |first| match files.len() {
        1 => first.clone(),
        n => format!("{first} and {} more files of {name}", n - 1),
    });
    Err(FetchError::AllRoutes { files, failures: failures.join("; ") })
}

fn is_whole(model: &ModelEntry, dir: &Path) -> Result<bool, FetchError> {
    for file in &model.files {
        let state = file.check(dir);
        let state =
            state.map_err(|source| FetchError::File { path: dir.join(&file.path).display().to_string(), source })?;
        if state != FileState::Whole {
            return Ok(false);
        }
    }
    Ok(true)
}

fn by_route(
    model: &ModelEntry,
    route: &Route,
    work: &Path,
    dir: &Path,
    say: &mut dyn FnMut(&str),
) -> Result<(), RouteError> {
    let (parts, out) = (work.join("parts"), work.join("out"));
    if work.exists() {
        std::fs::remove_dir_all(work).map_err(at(work))?;
    }
    for folder in [&parts, &out] {
        std::fs::create_dir_all(folder).map_err(at(folder))?;
    }
    // Without steps the downloads are the files.
    let target = if route.steps.is_empty() { &out } else { &parts };
    for url in &route.urls {
        download(url, target, say)?;
    }
    if !route.packages.is_empty() {
        take_packages_apart(&route.packages, work, &parts)?;
    }
    for step in &route.steps {
        run_step(step, work, &parts, &out)?;
    }
    verify(model, &out)?;
    move_into_place(model, &out, dir)
}

/// One file by HTTP. On a thread of its own: the caller may or may not be inside a runtime.
fn download(url: &str, folder: &Path, say: &mut dyn FnMut(&str)) -> Result<(), RouteError> {
    let failed = |detail: String| RouteError::Download { url: url.into(), detail };
    let name = url.rsplit('/').next().filter(|n| !n.is_empty()).ok_or_else(|| failed("names no file".into()))?;
    let path = folder.join(name);
    let (lines, heard) = std::sync::mpsc::sync_channel(16);
    let result = std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
            // The sender goes with the worker, so that the loop below ends.
            runtime.block_on(stream_to_file(url, &path, lines))
        });
        for percent in heard {
            say(&format!("{name}: {percent} %"));
        }
        worker.join().unwrap_or_else(|_| Err("the download thread ended badly".into()))
    });
    result.map_err(failed)
}

async fn stream_to_file(url: &str, path: &Path, lines: std::sync::mpsc::SyncSender<u64>) -> Result<(), String> {
    // Already installed is as good.
    rustls::crypto::ring::default_provider().install_default().ok();
    let client = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(STALL_TIMEOUT).build();
    let client = client.map_err(|e| root_cause(&e))?;
    let answer = client.get(url).send().await.and_then(reqwest::Response::error_for_status);
    let mut answer = answer.map_err(|e| root_cause(&e))?;
    let total = answer.content_length().unwrap_or(0);
    let mut file = std::fs::File::create(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let (mut done, mut told) = (0_u64, 0_u64);
    while let Some(chunk) = answer.chunk().await.map_err(|e| root_cause(&e))? {
        file.write_all(&chunk).map_err(|e| format!("{}: {e}", path.display()))?;
        done += chunk.len() as u64;
        let percent = (done * 100).checked_div(total).unwrap_or(0);
        if percent >= told + PROGRESS_STEP {
            told = percent - percent % PROGRESS_STEP;
            lines.send(told).map_err(|e| e.to_string())?;
        }
    }
    file.flush().map_err(|e| format!("{}: {e}", path.display()))
}

/// The innermost reason, without the address that the caller names anyway.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    one_line(&cause.to_string())
}

/// Downloads hash-pinned packages and unpacks them into `parts`; nothing of them is installed or run.
fn take_packages_apart(packages: &[String], work: &Path, parts: &Path) -> Result<(), RouteError> {
    let (list, wheels) = (work.join("requirements.txt"), work.join("wheels"));
    std::fs::write(&list, packages.join("\n") + "\n").map_err(at(&list))?;
    let pip = ["-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "--require-hashes"];
    let mut command = Command::new(PYTHON);
    command.args(pip).args(["--only-binary", ":all:", "-d"]).arg(&wheels).arg("-r").arg(&list);
    run_tool("pip download", &mut command)?;
    for wheel in std::fs::read_dir(&wheels).map_err(at(&wheels))? {
        let wheel = wheel.map_err(at(&wheels))?.path();
        run_tool("unpacking a package", Command::new(PYTHON).args(["-m", "zipfile", "-e"]).arg(&wheel).arg(parts))?;
    }
    Ok(())
}

fn run_step(step: &[String], work: &Path, parts: &Path, out: &Path) -> Result<(), RouteError> {
    let name = step.first().map_or("", String::as_str);
    let unknown = || RouteError::Tool { what: format!("step {name:?}"), complaint: "no such script".into() };
    let (_, text) = SCRIPTS.into_iter().find(|(known, _)| *known == name).ok_or_else(unknown)?;
    let script = work.join(name);
    std::fs::write(&script, text).map_err(at(&script))?;
    let out = std::path::absolute(out).map_err(at(out))?;
    let script = std::path::absolute(&script).map_err(at(&script))?;
    let args = step.iter().skip(1).map(|arg| arg.replace("{out}", &out.display().to_string()));
    run_tool(name, Command::new(PYTHON).arg(script).args(args).current_dir(parts))
}

fn run_tool(what: &str, command: &mut Command) -> Result<(), RouteError> {
    let output = command.stdin(Stdio::null()).output().map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => RouteError::NoTool { tool: PYTHON },
        _ => RouteError::Tool { what: what.into(), complaint: e.to_string() },
    })?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or("no message");
    Err(RouteError::Tool { what: what.into(), complaint: one_line(last) })
}

fn verify(model: &ModelEntry, out: &Path) -> Result<(), RouteError> {
    for file in &model.files {
        let path = out.join(&file.path);
        let shown = file.path.display().to_string();
        match file.check(out).map_err(at(&path))? {
            FileState::Whole => {}
            FileState::Missing => return Err(RouteError::NotThere { file: shown }),
            FileState::Broken { found } => {
                let want = format!("{} bytes with sha256 {}", file.bytes, file.sha256);
                return Err(RouteError::Mismatch { file: shown, found, want });
            }
        }
    }
    Ok(())
}

fn move_into_place(model: &ModelEntry, out: &Path, dir: &Path) -> Result<(), RouteError> {
    for file in &model.files {
        let (from, to) = (out.join(&file.path), dir.join(&file.path));
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder).map_err(at(folder))?;
        }
        std::fs::rename(&from, &to).map_err(at(&to))?;
    }
    Ok(())
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> RouteError {
    let path: PathBuf = path.into();
    move |source| RouteError::File { path: path.display().to_string(), source }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(COMPLAINT_MAX).collect()
}

/// `141 MB`, at least 1.
#[must_use]
pub fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1 << 20).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;

    const HELLO_SHA256: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    /// Answers every request with `body`; the thread ends with the test's process.
    fn serve(body: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
                while lines.next().is_some_and(|l| !l.is_empty()) {}
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                (&stream).write_all((head + body).as_bytes()).unwrap();
            }
        });
        format!("http://{address}/hello.bin")
    }

    /// An address that refuses connections: a port that was just let go.
    fn refused() -> String {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        format!("http://{address}/hello.bin")
    }

    fn manifest(urls: &[&str]) -> Manifest {
        let routes: String = urls
            .iter()
            .enumerate()
            .map(|(i, url)| format!("[[model.route]]\nname = \"route {i}\"\nurls = [\"{url}\"]\n"))
            .collect();
        let file = format!("{{ path = \"hello.bin\", bytes = 5, sha256 = \"{HELLO_SHA256}\" }}");
        Manifest::parse(&format!(
            "[[model]]\nname = \"hello\"\nwhat = \"w\"\ndefault = true\nlicence = \"MIT\"\nfiles = [{file}]\n{routes}"
        ))
        .unwrap()
    }

    fn names(dir: &Path) -> Vec<String> {
        std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn the_next_route_is_tried_and_a_second_run_fetches_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = manifest(&[&refused(), &serve("hellO"), &serve("hello")]);
        let mut lines = Vec::new();
        let first = fetch(&manifest, "hello", dir.path(), &mut |l| lines.push(l.to_owned())).unwrap();
        assert_eq!(first, Fetched::New);
        assert_eq!(names(dir.path()), ["hello.bin"], "nothing else is left behind");
        assert!(lines.iter().any(|l| l == "hello.bin: 100 %"), "{lines:?}");
        let second = fetch(&manifest, "hello", dir.path(), &mut |l| assert_eq!(l, "hello: already there")).unwrap();
        assert_eq!(second, Fetched::AlreadyThere);
    }

    #[test]
    fn a_wrong_hash_is_refused_and_the_error_names_file_and_every_route() {
        let dir = tempfile::tempdir().unwrap();
        let error = fetch(&manifest(&[&refused(), &serve("hellO"), &serve("hell")]), "hello", dir.path(), &mut |_| {});
        let error = error.unwrap_err().to_string();
        for part in [
            "hello.bin could not be fetched",
            "route 0: http",
            "route 1: hello.bin has sha256",
            HELLO_SHA256,
            "route 2",
            "4 bytes",
        ] {
            assert!(error.contains(part), "{error} does not say {part}");
        }
        assert_eq!(error.lines().count(), 1);
        assert!(names(dir.path()).is_empty(), "no broken file stays");
    }

    #[test]
    fn a_broken_file_on_disk_is_fetched_again() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("hello.bin"), "hellO").unwrap();
        fetch(&manifest(&[&serve("hello")]), "hello", dir.path(), &mut |_| {}).unwrap();
        assert_eq!(std::fs::read_to_string(dir.path().join("hello.bin")).unwrap(), "hello");
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = fetch(&Manifest::built_in().unwrap(), "whisper-tiny", Path::new("."), &mut |_| {}).unwrap_err();
        assert!(
            error.to_string().starts_with("there is no model \"whisper-tiny\"; known are whisper-base, silero-vad")
        );
    }
}
