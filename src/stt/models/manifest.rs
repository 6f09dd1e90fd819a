//! `models/manifest.toml`: names, files, sizes, hashes, licences and routes of the speech models.
//!
//! Reads files to hash them; goes to no network and changes nothing.

use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

const BUILT_IN: &str = include_str!("../../../models/manifest.toml");
const HASH_BUFFER: usize = 1 << 20;

#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error("model manifest: {0}")]
    Syntax(#[from] toml::de::Error),
    #[error("model manifest: {name}: {what}")]
    Value { name: String, what: String },
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    #[serde(rename = "model")]
    pub models: Vec<ModelEntry>,
}

/// One unit: its files are fetched together.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelEntry {
    pub name: String,
    /// What it is for, for people.
    pub what: String,
    /// Fetched when no name is given.
    pub default: bool,
    pub licence: String,
    /// As whisper.cpp publishes it; not checked, the sha256 is.
    pub sha1: Option<String>,
    pub files: Vec<FileEntry>,
    #[serde(rename = "route")]
    pub routes: Vec<Route>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Below the models folder.
    pub path: PathBuf,
    pub bytes: u64,
    /// Lower-case hex.
    pub sha256: String,
}

/// One way to get all files of a model: `urls` or `packages`, then `steps`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    pub name: String,
    #[serde(default)]
    pub urls: Vec<String>,
    /// Lines of a pip requirements file, each with its hash.
    #[serde(default)]
    pub packages: Vec<String>,
    /// A script of `models/` and its arguments; `{out}` is the folder for the files. None: the downloads are the files.
    #[serde(default)]
    pub steps: Vec<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    Whole,
    Missing,
    /// Another size or hash than the manifest's.
    Broken {
        found: String,
    },
}

impl Manifest {
    /// The one of this program.
    ///
    /// # Errors
    /// As [`Manifest::parse`]; a test parses it, so it does not happen.
    pub fn built_in() -> Result<Self, ManifestError> {
        Self::parse(BUILT_IN)
    }

    /// # Errors
    /// Broken TOML, unknown keys, a path that leaves the folder, a hash that is none, a model without files or routes.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let manifest: Self = toml::from_str(text)?;
        for model in &manifest.models {
            let wrong = model.flaw();
            if let Some(what) = wrong {
                return Err(ManifestError::Value { name: model.name.clone(), what });
            }
        }
        Ok(manifest)
    }

    #[must_use]
    pub fn find(&self, name: &str) -> Option<&ModelEntry> {
        self.models.iter().find(|m| m.name == name)
    }

    /// `whisper-base, silero-vad, …`
    #[must_use]
    pub fn names(&self) -> String {
        self.models.iter().map(|m| m.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

impl ModelEntry {
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|f| f.bytes).sum()
    }

    fn flaw(&self) -> Option<String> {
        let inside = |p: &Path| p.components().all(|c| matches!(c, Component::Normal(_)));
        if self.files.is_empty() || self.routes.is_empty() {
            return Some("no files or no routes".into());
        }
        if let Some(file) = self.files.iter().find(|f| !inside(&f.path) || f.path.as_os_str().is_empty()) {
            return Some(format!("{} is not a path below the models folder", file.path.display()));
        }
        if let Some(file) = self.files.iter().find(|f| !is_sha256(&f.sha256)) {
            return Some(format!("{}: {:?} is not a sha256", file.path.display(), file.sha256));
        }
        let unpinned = |line: &&String| !line.contains(" --hash=sha256:");
        if let Some(line) = self.routes.iter().flat_map(|r| &r.packages).find(unpinned) {
            return Some(format!("package {line:?} has no hash"));
        }
        let empty = self.routes.iter().find(|r| r.urls.is_empty() == r.packages.is_empty());
        empty.map(|route| format!("route {:?} needs either urls or packages", route.name))
    }
}

impl FileEntry {
    /// By size alone: quick, for lists.
    ///
    /// # Errors
    /// The file is there and cannot be looked at.
    pub fn glance(&self, dir: &Path) -> io::Result<FileState> {
        match std::fs::metadata(dir.join(&self.path)) {
            Ok(meta) if meta.len() == self.bytes => Ok(FileState::Whole),
            Ok(meta) => Ok(FileState::Broken { found: format!("{} bytes", meta.len()) }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(FileState::Missing),
            Err(e) => Err(e),
        }
    }

    /// By size and hash.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn check(&self, dir: &Path) -> io::Result<FileState> {
        match self.glance(dir)? {
            FileState::Whole => {
                let found = sha256(&dir.join(&self.path))?;
                Ok(if found == self.sha256 {
                    FileState::Whole
                } else {
                    FileState::Broken { found: format!("sha256 {found}") }
                })
            }
            other => Ok(other),
        }
    }
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Lower-case hex of a whole file.
///
/// # Errors
/// The file cannot be read.
pub fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; HASH_BUFFER];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            n => hash.update(&buffer[..n]),
        }
    }
    Ok(hash.finalize().iter().map(|b| format!("{b:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_manifest_is_valid_and_names_the_defaults_of_the_configuration() {
        let manifest = Manifest::built_in().unwrap();
        let stt = crate::config::Stt::default();
        let by_default: Vec<PathBuf> =
            manifest.models.iter().filter(|m| m.default).flat_map(|m| &m.files).map(|f| f.path.clone()).collect();
        for wanted in [stt.model, stt.vad_model, stt.streaming_library, stt.streaming_model.join("am/final.mdl")] {
            assert!(by_default.contains(&wanted), "{} is not among the default models", wanted.display());
        }
        let base = &manifest.find("whisper-base").unwrap().files[0];
        assert_eq!(base.bytes, 147_951_465);
        assert_eq!(base.sha256, "60ed5bc3dd14eea856493d334349b405782ddcaf0028d4b5df4088345fba2efe");
        for choice in ["whisper-small", "whisper-medium", "whisper-large-v3-turbo"] {
            assert!(!manifest.find(choice).unwrap().default, "{choice} is fetched only when named");
        }
    }

    #[test]
    fn a_broken_manifest_is_refused_with_what_is_wrong() {
        let hash = "0".repeat(64);
        let model = |file: &str, route: &str| {
            format!(
                "[[model]]\nname=\"m\"\nwhat=\"w\"\ndefault=true\nlicence=\"MIT\"\nfiles=[{file}]\n[[model.route]]\nname=\"r\"\n{route}\n"
            )
        };
        let good_file = format!("{{path=\"a/b.bin\",bytes=1,sha256=\"{hash}\"}}");
        let good_route = "urls=[\"http://127.0.0.1/a\"]";
        assert!(Manifest::parse(&model(&good_file, good_route)).is_ok());
        for (text, expected) in [
            (model("", good_route), "no files"),
            (model(&good_file.replace("a/b", "../b"), good_route), "not a path below"),
            (model(&good_file.replace("a/b", "/b"), good_route), "not a path below"),
            (model(&good_file.replace(&hash, "12"), good_route), "not a sha256"),
            (model(&good_file, ""), "either urls or packages"),
            (model(&good_file, "packages=[\"x==1\"]"), "has no hash"),
            (model(&good_file, "colour=\"red\""), "unknown field"),
            ("what".into(), "model manifest"),
        ] {
            let error = Manifest::parse(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error} does not say {expected}");
        }
    }

    #[test]
    fn a_file_is_whole_missing_or_broken() {
        let dir = tempfile::tempdir().unwrap();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let file = FileEntry { path: "f".into(), bytes: 3, sha256: abc.into() };
        assert_eq!(file.check(dir.path()).unwrap(), FileState::Missing);
        for (content, expected) in [("abc", None), ("abcd", Some("4 bytes")), ("abd", Some("sha256 a52d159f"))] {
            std::fs::write(dir.path().join("f"), content).unwrap();
            match (file.check(dir.path()).unwrap(), expected) {
                (FileState::Whole, None) => {}
                (FileState::Broken { found }, Some(part)) => assert!(found.starts_with(part), "{found}"),
                other => panic!("{content}: {other:?}"),
            }
        }
    }
}
