//! What `--kernel` may name: an Image, a kernel tree, a folder of
//! `/lib/modules` with its vmlinuz; and what can be told without booting it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use memchr::memmem;

use crate::backtrace::Symbols;

/// A kernel, and its modules and configuration where they are known.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// What is booted.
    pub image: PathBuf,
    folder: Option<PathBuf>,
    release: OnceLock<Option<String>>,
}

impl Kernel {
    /// The kernel at this path.
    ///
    /// # Errors
    /// When there is none, or none that an arm64 guest can boot.
    pub fn at(path: &Path) -> Result<Kernel> {
        if !path.is_dir() {
            let image = path.to_owned();
            check(&image)?;
            // An Image in its tree: the tree has the modules.
            let tree = image.canonicalize()?;
            let tree = tree
                .parent()
                .filter(|boot| boot.ends_with("arch/arm64/boot"))
                .and_then(|boot| boot.ancestors().nth(3))
                .map(Path::to_owned);
            return Ok(Kernel {
                image,
                folder: tree,
                release: OnceLock::new(),
            });
        }
        const IMAGES: &[&str] = &["arch/arm64/boot/Image", "vmlinuz", "Image"];
        let image = IMAGES
            .iter()
            .map(|name| path.join(name))
            .find(|image| image.is_file())
            .with_context(|| {
                format!(
                    "{} is a folder without {}: is it a kernel tree, and was \
                     `make ARCH=arm64 Image` done?",
                    path.display(),
                    IMAGES.join(", ")
                )
            })?;
        check(&image)?;
        let folder = Some(path.to_owned());
        Ok(Kernel { image, folder, release: OnceLock::new() })
    }

    /// Its release, as the banner in the Image says it; none if the Image
    /// cannot be read or is compressed.
    pub fn release(&self) -> Option<&str> {
        let release = || {
            const BANNER: &[u8] = b"Linux version ";
            let image = std::fs::read(&self.image).ok()?;
            let mut texts = memmem::find_iter(&image, BANNER)
                .map(|at| &image[at + BANNER.len()..]);
            // One is the format of what the kernel prints.
            let text =
                texts.find(|text| text.first().is_some_and(|b| *b != b'%'))?;
            let end = text.iter().position(|b| !b.is_ascii_graphic());
            let text = &text[..end.unwrap_or(text.len())];
            Some(String::from_utf8_lossy(text).into_owned())
        };
        self.release.get_or_init(release).as_deref()
    }

    /// The tree it was built in, if that is known.
    pub(crate) fn tree(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Its functions by address, if a System.map is beside it.
    pub(crate) fn symbols(&self) -> Symbols {
        let release = self.release().unwrap_or_default();
        let named = format!("System.map-{release}");
        let folders = [self.folder.as_deref(), self.image.parent()];
        let text = folders
            .into_iter()
            .flatten()
            .flat_map(|folder| {
                ["System.map", &named, "build/System.map"]
                    .map(|name| folder.join(name))
            })
            .find_map(|path| std::fs::read_to_string(path).ok());
        text.unwrap_or_default()
            .lines()
            .filter_map(|line| {
                let mut words = line.split(' ');
                let address = u64::from_str_radix(words.next()?, 16).ok()?;
                let kind = words.next()?;
                let is_code = kind.eq_ignore_ascii_case("t");
                is_code.then_some((address, words.next()?.to_owned()))
            })
            .collect()
    }

    fn read(&self, names: &[&str]) -> Option<String> {
        let folder = self.folder.as_ref()?;
        names
            .iter()
            .find_map(|name| std::fs::read_to_string(folder.join(name)).ok())
    }

    /// Whether it has this option, built in or as a module; none if its
    /// configuration is not known.
    pub fn has(&self, option: &str) -> Option<bool> {
        // The lab builds beside its Image.
        let beside = || {
            let folder = self.image.parent()?;
            std::fs::read_to_string(folder.join("build/.config")).ok()
        };
        let config = self.read(&[".config", "config"]).or_else(beside)?;
        let set = |value: &&str| {
            let line = format!("CONFIG_{option}={value}");
            config.lines().any(|have| have == line)
        };
        Some(["y", "m"].iter().any(set))
    }

    /// Whether it has a module of this name, loadable or built in; none if
    /// its lists of them are not known.
    pub fn has_module(&self, name: &str) -> Option<bool> {
        let loadable = self.read(&["modules.order"])?;
        let built_in = self.read(&["modules.builtin"])?;
        let mut all = loadable.lines().chain(built_in.lines());
        Some(all.any(|line| stem(line) == plain(name)))
    }

    /// These modules and what they depend on, in the order to load them, as
    /// far as this kernel has them as modules.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn modules(&self, names: &[String]) -> Result<Vec<Module>> {
        let list = self.read(&["modules.order"]).unwrap_or_default();
        let mut found = Vec::new();
        for name in names {
            self.module(&list, name, &mut found)?;
        }
        Ok(found)
    }

    fn module(
        &self,
        list: &str,
        name: &str,
        found: &mut Vec<Module>,
    ) -> Result<()> {
        let name = plain(name);
        if found.iter().any(|module| module.name == name) {
            return Ok(());
        }
        let Some(line) = list.lines().find(|line| stem(line) == name) else {
            return Ok(());
        };
        let folder = self.folder.as_deref().unwrap_or(Path::new("."));
        // An installed list names them before they were compressed, a tree's
        // has their object files.
        let base = line.trim_end_matches(".ko").trim_end_matches(".o");
        let path = ["ko", "ko.xz", "ko.zst", "ko.gz"]
            .iter()
            .map(|end| folder.join(format!("{base}.{end}")))
            .find(|path| path.is_file())
            .with_context(|| {
                format!(
                    "{}/modules.order has {line}, but the module is not there",
                    folder.display()
                )
            })?;
        let bytes = unpacked(&path)?;
        for needed in depends(&bytes) {
            self.module(list, &needed, found)?;
        }
        found.push(Module { name, bytes });
        Ok(())
    }
}

/// A module, ready to load.
#[derive(Clone, Debug)]
pub struct Module {
    /// Its name, as `lsmod` has it.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

fn plain(name: &str) -> String {
    name.replace('-', "_")
}

fn stem(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    plain(file.split('.').next().unwrap_or(file))
}

fn unpacked(path: &Path) -> Result<Vec<u8>> {
    let end = path.extension().and_then(|end| end.to_str());
    let tool = match end {
        Some("xz") => "xz",
        Some("zst") => "zstd",
        Some("gz") => "gzip",
        _ => {
            return std::fs::read(path)
                .with_context(|| format!("reading {}", path.display()));
        }
    };
    let output = Command::new(tool)
        .arg("-dc")
        .arg(path)
        .output()
        .with_context(|| format!("starting {tool}"))?;
    if !output.status.success() {
        bail!("{tool} cannot unpack {}", path.display());
    }
    Ok(output.stdout)
}

/// What a module's own description says it depends on.
fn depends(module: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(at) = memmem::find(module, KEY) else {
        return Vec::new();
    };
    let text = &module[at + KEY.len()..];
    let end = text.iter().position(|b| *b == 0).unwrap_or(text.len());
    String::from_utf8_lossy(&text[..end])
        .split(',')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether edk2 for arm64 can boot this, told before it tries.
fn check(image: &Path) -> Result<()> {
    use std::io::Read;

    let file = std::fs::File::open(image)
        .with_context(|| format!("the kernel {}", image.display()))?;
    let mut head = Vec::new();
    file.take(4096)
        .read_to_end(&mut head)
        .with_context(|| format!("reading {}", image.display()))?;
    match wrong(&head) {
        None => Ok(()),
        Some(why) => bail!("the kernel {} {why}", image.display()),
    }
}

/// What speaks against a file that begins like this. The arm64 header is in
/// Linux `Documentation/arch/arm64/booting.rst`, the PE header in Microsoft's
/// PE format: machine 0xaa64 is arm64.
fn wrong(head: &[u8]) -> Option<String> {
    let at = |from: usize, len: usize| head.get(from..from + len);
    let u16_at = |from| {
        at(from, 2)
            .map(|b| u16::from_le_bytes(b.try_into().unwrap_or_default()))
    };
    if head.starts_with(b"MZ") {
        let pe = at(60, 4)
            .map(|b| u32::from_le_bytes(b.try_into().unwrap_or_default()))
            .and_then(|at| usize::try_from(at).ok());
        let machine = pe.and_then(|pe| u16_at(pe.checked_add(4)?));
        return match machine {
            Some(0xaa64) => None,
            Some(0x8664) => Some("is for x86-64, not for arm64".to_owned()),
            Some(0x5064) => Some("is for RISC-V, not for arm64".to_owned()),
            Some(other) => Some(format!(
                "is for another architecture (PE machine {other:#06x}), not \
                 for arm64"
            )),
            None => Some("ends before its header does".to_owned()),
        };
    }
    Some(
        match head {
            _ if at(56, 4) == Some(b"ARM\x64") => {
                "cannot be booted by UEFI, which ACPI needs: it lacks \
             CONFIG_EFI_STUB"
            }
            [0x7f, b'E', b'L', b'F', ..] if u16_at(18) != Some(183) => {
                "is an ELF file for another architecture, not for arm64"
            }
            [0x7f, b'E', b'L', b'F', ..] => {
                "is an ELF file (vmlinux?): give arch/arm64/boot/Image"
            }
            [0x1f, 0x8b, ..] => "is compressed: gunzip it, or give Image",
            [] => "is empty",
            _ => "is no arm64 Image",
        }
        .to_owned(),
    )
}

/// Which of these options an Image lacks, judged by texts that the code of
/// each brings along: for a kernel that was silent.
pub fn seems_to_lack(image: &Path) -> Vec<&'static str> {
    const SIGNS: &[(&str, &[u8])] = &[
        ("ACPI", b"ACPI: "),
        ("PCC", b"PCC subspace"),
        ("SERIAL_AMBA_PL011_CONSOLE", b"ttyAMA"),
        ("BLK_DEV_INITRD", b"Unpacking initramfs"),
    ];
    let Ok(bytes) = std::fs::read(image) else { return Vec::new() };
    if bytes.get(4..8) == Some(b"zimg") {
        return Vec::new();
    }
    SIGNS
        .iter()
        .filter(|(_, sign)| memmem::find(&bytes, sign).is_none())
        .map(|(option, _)| *option)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pe(machine: u16) -> Vec<u8> {
        let mut head = vec![0; 128];
        head[..2].copy_from_slice(b"MZ");
        head[60] = 64;
        head[64..68].copy_from_slice(b"PE\0\0");
        head[68..70].copy_from_slice(&machine.to_le_bytes());
        head
    }

    #[test]
    fn what_cannot_be_booted_is_said() {
        let mut plain = vec![0; 64];
        plain[56..60].copy_from_slice(b"ARM\x64");
        let mut elf = b"\x7fELF".to_vec();
        elf.resize(18, 0);
        let x86 = [elf.clone(), vec![62, 0]].concat();
        elf.extend([183, 0]);
        let cases: &[(&[u8], Option<&str>)] = &[
            (&pe(0xaa64), None),
            (&pe(0x8664), Some("x86-64")),
            (&pe(0x1234), Some("0x1234")),
            (b"MZ", Some("ends")),
            (&plain, Some("EFI_STUB")),
            (&elf, Some("vmlinux")),
            (&x86, Some("another architecture")),
            (b"\x1f\x8b\x08", Some("gunzip")),
            (b"", Some("empty")),
            (b"hello", Some("no arm64 Image")),
        ];
        for (head, expected) in cases {
            match (wrong(head), expected) {
                (None, None) => {}
                (Some(text), Some(word)) => assert!(text.contains(word)),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn modules_come_after_what_they_need() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("Image"), pe(0xaa64)).unwrap();
        std::fs::write(at("config"), "CONFIG_A=m\nCONFIG_AB=y\n").unwrap();
        std::fs::write(at("modules.order"), "k/a-x.ko\nk/b.ko\nc.o\n").unwrap();
        std::fs::create_dir(at("k")).unwrap();
        std::fs::write(at("k/a-x.ko"), b"x\0depends=b,c\0y").unwrap();
        std::fs::write(at("k/b.ko"), b"x\0depends=\0y").unwrap();
        std::fs::write(at("c.ko"), b"nothing said").unwrap();
        let kernel = Kernel::at(folder.path()).unwrap();
        let names = |wanted: &[&str]| -> Vec<String> {
            let wanted: Vec<_> = wanted.iter().map(|&n| n.into()).collect();
            let found = kernel.modules(&wanted).unwrap();
            found.into_iter().map(|module| module.name).collect()
        };
        assert_eq!(names(&["a_x", "b"]), ["b", "c", "a_x"]);
        assert_eq!(names(&["b", "a-x"]), ["b", "c", "a_x"]);
        assert!(names(&["built-in"]).is_empty());
        assert_eq!(kernel.has("A"), Some(true));
        assert_eq!(kernel.has("B"), Some(false));
        assert_eq!(kernel.has_module("a_x"), None);
        std::fs::write(at("modules.builtin"), "k/d.ko\n").unwrap();
        for (name, has) in [("a_x", true), ("d", true), ("e", false)] {
            assert_eq!(kernel.has_module(name), Some(has), "{name}");
        }
        std::fs::remove_file(at("config")).unwrap();
        assert_eq!(kernel.has("A"), None);
    }
}
