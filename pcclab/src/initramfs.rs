//! The guest's file system: cpio archives in the "newc" format, which the
//! kernel unpacks one after the other
//! (Linux `Documentation/driver-api/early-userspace/buffer-format.rst`).

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use cpio::newc::{Builder, ModeFileType, trailer};

use crate::lab::shell_quote;

/// An archive being written.
#[derive(Default)]
pub struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

impl Archive {
    fn builder(&mut self, path: &str, mode: u32) -> Builder {
        self.entries += 1;
        Builder::new(path).ino(self.entries).nlink(1).mode(mode)
    }

    fn entry(&mut self, builder: Builder, content: &[u8]) -> Result<()> {
        let size = u32::try_from(content.len()).context("file over 4 GiB")?;
        let mut writer = builder.write(&mut self.bytes, size);
        writer.write_all(content)?;
        writer.finish()?;
        Ok(())
    }

    /// A folder; its parent must be there.
    pub fn folder(&mut self, path: &str) -> Result<()> {
        let builder = self
            .builder(path, 0o755)
            .set_mode_file_type(ModeFileType::Directory);
        self.entry(builder, &[])
    }

    /// A file with its content.
    pub fn file(
        &mut self,
        path: &str,
        executable: bool,
        content: &[u8],
    ) -> Result<()> {
        let mode = if executable { 0o755 } else { 0o644 };
        let builder =
            self.builder(path, mode).set_mode_file_type(ModeFileType::Regular);
        self.entry(builder, content)
    }

    /// A symbolic link.
    pub fn link(&mut self, path: &str, target: &str) -> Result<()> {
        let builder =
            self.builder(path, 0o777).set_mode_file_type(ModeFileType::Symlink);
        self.entry(builder, target.as_bytes())
    }

    /// A character device; needs no privilege here, unlike mknod.
    pub fn device(&mut self, path: &str, major: u32, minor: u32) -> Result<()> {
        let builder = self
            .builder(path, 0o600)
            .set_mode_file_type(ModeFileType::Char)
            .rdev_major(major)
            .rdev_minor(minor);
        self.entry(builder, &[])
    }

    /// The whole archive, padded so that another may follow.
    pub fn finish(self) -> Result<Vec<u8>> {
        let mut bytes = trailer(self.bytes)?;
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        Ok(bytes)
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("reading {}", path.display()))
}

/// The base initramfs: busybox, the guest's own programs, `/init`, the tests of
/// `guest-scripts`, and a driver for those who boot it without `pcclab run`.
pub fn base(
    busybox: &Path,
    programs: &[PathBuf],
    guest_scripts: &Path,
    module: Option<&Path>,
) -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    const FOLDERS: &[&str] = &[
        "bin",
        "dev",
        "lib",
        "lib/modules",
        "pcclab",
        "proc",
        "sys",
        "tests",
        "tmp",
        "work",
    ];
    for folder in FOLDERS {
        archive.folder(folder)?;
    }
    if let Some(module) = module {
        let path = format!("lib/modules/{}", name(module)?);
        archive.file(&path, false, &read(module)?)?;
    }
    archive.device("dev/console", 5, 1)?;
    archive.device("dev/null", 1, 3)?;
    archive.file("bin/busybox", true, &read(busybox)?)?;
    archive.link("bin/sh", "busybox")?;
    for program in programs {
        let path = format!("bin/{}", name(program)?);
        archive.file(&path, true, &read(program)?)?;
    }
    archive.file("init", true, &read(&guest_scripts.join("init"))?)?;
    let tests = guest_scripts.join("tests");
    let mut names: Vec<_> = std::fs::read_dir(&tests)
        .with_context(|| format!("listing {}", tests.display()))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    names.sort();
    for path in
        names.iter().filter(|p| p.extension().is_some_and(|e| e == "sh"))
    {
        archive.file(&format!("tests/{}", name(path)?), true, &read(path)?)?;
    }
    archive.finish()
}

/// What a run adds: modules with their parameters, files for `/work` and
/// elsewhere, the command.
pub fn overlay(
    modules: &[PathBuf],
    parameters: &[(PathBuf, String)],
    files: &[PathBuf],
    extra: &[(String, Vec<u8>)],
    command: &[OsString],
) -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    archive.folder("pcclab/modules")?;
    for (index, module) in modules.iter().enumerate() {
        let path = format!("pcclab/modules/{index:02}-{}", name(module)?);
        archive.file(&path, false, &read(module)?)?;
        for (_, words) in parameters.iter().filter(|(of, _)| of == module) {
            let path = format!("{path}.parameters");
            archive.file(&path, false, words.as_bytes())?;
        }
    }
    for file in files {
        let executable = std::fs::metadata(file)
            .with_context(|| format!("reading {}", file.display()))?
            .permissions()
            .mode()
            & 0o100
            != 0;
        let path = format!("work/{}", name(file)?);
        archive.file(&path, executable, &read(file)?)?;
    }
    let mut folders = BTreeSet::new();
    for (path, content) in extra {
        for (at, _) in path.match_indices('/') {
            if folders.insert(&path[..at]) {
                archive.folder(&path[..at])?;
            }
        }
        archive.file(path, false, content)?;
    }
    if !command.is_empty() {
        let words: Vec<_> = command.iter().map(shell_quote).collect();
        let script = format!("#!/bin/sh\ncd /work\nexec {}\n", words.join(" "));
        archive.file("pcclab/command", true, script.as_bytes())?;
        archive.file("pcclab/runner", false, b"")?;
    }
    archive.finish()
}

/// What a guest gets whose overlay comes later, when its `/init` asks for it.
pub fn later() -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    archive.file("pcclab/load", false, b"")?;
    archive.finish()
}

fn name(path: &Path) -> Result<&str> {
    match path.file_name().and_then(|name| name.to_str()) {
        Some(name) => Ok(name),
        None => bail!("{} has no file name in UTF-8", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_reads_back() {
        let mut archive = Archive::default();
        archive.folder("work").unwrap();
        archive.file("work/a", true, b"content").unwrap();
        archive.device("console", 5, 1).unwrap();
        archive.link("sh", "busybox").unwrap();
        let bytes = archive.finish().unwrap();
        assert_eq!(bytes.len() % 512, 0);

        let mut rest = &bytes[..];
        let mut seen = Vec::new();
        loop {
            let reader = cpio::newc::Reader::new(rest).unwrap();
            let entry = reader.entry().clone();
            if entry.is_trailer() {
                break;
            }
            seen.push((
                entry.name().to_owned(),
                entry.mode(),
                entry.file_size(),
            ));
            rest = reader.finish().unwrap();
        }
        assert_eq!(
            seen,
            [
                ("work".to_owned(), 0o040_755, 0),
                ("work/a".to_owned(), 0o100_755, 7),
                ("console".to_owned(), 0o020_600, 0),
                ("sh".to_owned(), 0o120_777, 7),
            ]
        );
    }
}
