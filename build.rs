//! Tells cargo that the embedded migrations and pages are part of the program, and puts a page that says how to build the console
//! where none is built: a plain `cargo build` needs no Node.

use std::path::Path;
use std::{fs, io};

const DIST: &str = "web/dist";

const PLACEHOLDER: &str = "<!doctype html>
<html lang=\"zh-CN\">
  <head><meta charset=\"utf-8\"><title>回访</title></head>
  <body>
    <h1>回访</h1>
    <p>坐席工作台没有编译进来：请运行 make web，再重新编译。接口说明在 <a href=\"/api/docs\">/api/docs</a>。</p>
    <p>The agent desk is not part of this build: run make web and build again. The HTTP interface is described at
      <a href=\"/api/docs\">/api/docs</a>.</p>
  </body>
</html>
";

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-changed={DIST}");
    let page = Path::new(DIST).join("index.html");
    if !page.exists() {
        fs::create_dir_all(DIST)?;
        fs::write(page, PLACEHOLDER)?;
    }
    Ok(())
}
