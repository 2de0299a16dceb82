//! What a channel's memory holds when a life of the guest begins: a platform
//! says what lies behind the header, QEMU gets a file with both.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use pccd::wire::pcc::{SIGNATURE, UNCOUNTED_LEN};
use pccd::wire::region::{SubspaceType, header_len};

/// The bytes of these lines of hexadecimal behind the header of subspace `id`,
/// in `size` bytes of memory.
///
/// # Errors
/// When they are no hexadecimal, or too long.
pub(crate) fn bytes(
    lines: &[String],
    kind: SubspaceType,
    id: u8,
    size: u64,
) -> Result<Vec<u8>> {
    let text: String = lines.concat().split_whitespace().collect();
    let space = hex::decode(&text).with_context(|| {
        format!("{} hexadecimal digits, two a byte, are wanted", text.len())
    })?;
    let header = header_len(kind);
    let total = header + space.len();
    if total as u64 > size {
        bail!("{total} bytes with the header of {header}, `size` is {size}");
    }
    let mut all = vec![0; header];
    let mut put = |at: usize, number: u32| {
        if let Some(place) = all.get_mut(at..at + 4) {
            place.copy_from_slice(&number.to_le_bytes());
        }
    };
    put(0, SIGNATURE | u32::from(id));
    if kind.is_extended() {
        let counted = u32::try_from(total - UNCOUNTED_LEN);
        put(8, counted.context("so much memory has no channel")?);
    }
    all.extend(space);
    Ok(all)
}

/// A file that holds them, in `cache`, the same for the same bytes.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn file(bytes: &[u8], cache: &Path) -> Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    let path = cache.join(format!("{:016x}.bin", hasher.finish()));
    if std::fs::read(&path).is_ok_and(|there| there == bytes) {
        return Ok(path);
    }
    let saving = || format!("writing {}", path.display());
    std::fs::create_dir_all(cache).with_context(saving)?;
    let mut new =
        tempfile::NamedTempFile::new_in(cache).with_context(saving)?;
    new.write_all(bytes).with_context(saving)?;
    new.persist(&path).with_context(saving)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(lines: &[&str], kind: SubspaceType, size: u64) -> Result<Vec<u8>> {
        let lines: Vec<_> = lines.iter().map(|&it| it.to_owned()).collect();
        bytes(&lines, kind, 7, size)
    }

    #[test]
    fn the_header_is_that_of_the_type() {
        let lines = ["01 02", "ff"];
        let signature = [7, b'C', b'C', b'P'];
        let generic = made(&lines, SubspaceType::HwReducedAck, 11).unwrap();
        assert_eq!(generic, [&signature[..], &[0; 4], &[1, 2, 255]].concat());
        let extended = made(&lines, SubspaceType::Responder, 19).unwrap();
        let length = [0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(extended, [&signature[..], &length, &[1, 2, 255]].concat());
        let reduced = made(&lines, SubspaceType::HwRegisters, 7).unwrap();
        assert_eq!(reduced, [&signature[..], &[1, 2, 255]].concat());
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (lines, size, wanted) in [
            (["0", ""], 64, "1 hexadecimal digits"),
            (["0g", ""], 64, "hexadecimal digits, two a byte"),
            (["00", "0000"], 10, "11 bytes with the header of 8, `size` is 10"),
        ] {
            let wrong = made(&lines, SubspaceType::Generic, size).unwrap_err();
            assert!(wrong.to_string().contains(wanted), "{wrong}");
        }
    }

    #[test]
    fn files_are_what_they_are_named_for() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("content");
        let one = file(b"one", &cache).unwrap();
        assert_eq!(file(b"one", &cache).unwrap(), one);
        assert_ne!(file(b"two", &cache).unwrap(), one);
        std::fs::write(&one, "what is left of a crash").unwrap();
        assert_eq!(
            std::fs::read(file(b"one", &cache).unwrap()).unwrap(),
            b"one"
        );
        assert_eq!(std::fs::read_dir(&cache).unwrap().count(), 2);
    }
}
