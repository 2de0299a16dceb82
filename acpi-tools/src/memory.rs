//! Which physical memory is free RAM, and what lies in it.

use std::collections::BTreeMap;

/// Ranges of memory: address of the first byte, and of the last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Map {
    /// Where the map came from, for people.
    pub origin: String,
    /// RAM.
    pub ram: Vec<(u64, u64)>,
    /// Parts of it that the operating system must not use.
    pub reserved: Vec<(u64, u64)>,
}

impl Map {
    /// Reads the form of `/proc/iomem`: `first-last : name`, nested lines
    /// indented.
    ///
    /// # Errors
    /// When a line has another form; the text has its number.
    ///
    /// ```
    /// let text = "40000000-47ffffff : System RAM\n";
    /// let map = acpi_tools::memory::Map::parse("x", text).unwrap();
    /// assert!(map.free(0x4000_1000, 16).is_some());
    /// ```
    pub fn parse(origin: &str, text: &str) -> Result<Map, String> {
        let mut map = Map { origin: origin.to_owned(), ..Map::default() };
        for (n, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let parsed = line.split_once(" : ").and_then(|(range, name)| {
                let (first, last) = range.trim().split_once('-')?;
                let hex = |text: &str| u64::from_str_radix(text, 16).ok();
                Some((hex(first)?, hex(last)?, name.trim()))
            });
            let Some((first, last, name)) = parsed else {
                return Err(format!(
                    "{origin}: line {}: not \"first-last : name\" as in \
                     /proc/iomem",
                    n + 1
                ));
            };
            match name {
                "System RAM" => map.ram.push((first, last)),
                name if name.eq_ignore_ascii_case("reserved") => {
                    map.reserved.push((first, last));
                }
                _ => {}
            }
        }
        // Without CAP_SYS_ADMIN every address reads as zero.
        if !map.ram.is_empty() && map.ram.iter().all(|r| *r == (0, 0)) {
            return Err(format!(
                "{origin}: all addresses are zero: read it as root"
            ));
        }
        Ok(map)
    }

    /// The RAM of a device tree.
    pub fn of_tree(origin: &str, tree: &crate::tree::Tree) -> Map {
        let mut map = Map { origin: origin.to_owned(), ..Map::default() };
        for node in &tree.nodes {
            let ranges = match (node.memory, node.reserved) {
                (true, _) => &mut map.ram,
                (_, true) => &mut map.reserved,
                _ => continue,
            };
            let windows = node.reg.iter().filter(|(_, length)| *length > 0);
            ranges.extend(windows.map(|(base, length)| {
                (*base, base.saturating_add(length - 1))
            }));
        }
        map
    }

    /// The range of RAM that some of these bytes lie in, if the system may
    /// use it.
    pub fn free(&self, base: u64, length: u64) -> Option<(u64, u64)> {
        let last = base.saturating_add(length.max(1) - 1);
        let reserved =
            |(first, end): &(u64, u64)| *first <= base && last <= *end;
        if self.reserved.iter().any(reserved) {
            return None;
        }
        let hit = |(first, end): &&(u64, u64)| base <= *end && last >= *first;
        self.ram.iter().find(hit).copied()
    }
}

impl std::fmt::Display for Map {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ram = self.ram.iter().map(|range| (range, "System RAM"));
        let reserved = self.reserved.iter().map(|range| (range, "reserved"));
        for ((first, last), name) in ram.chain(reserved) {
            writeln!(f, "{first:08x}-{last:08x} : {name}")?;
        }
        Ok(())
    }
}

/// Bytes seen in physical memory, by their address.
///
/// The file form has one line an address: `0a009000: 00 43 43 50 …`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    pieces: BTreeMap<u64, Vec<u8>>,
}

impl Contents {
    /// Remembers bytes.
    pub fn insert(&mut self, address: u64, bytes: Vec<u8>) {
        self.pieces.insert(address, bytes);
    }

    /// Nothing was seen.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Reads the file form.
    ///
    /// # Errors
    /// When a line has another form; the text has its number.
    pub fn parse(origin: &str, text: &str) -> Result<Contents, String> {
        let mut contents = Contents::default();
        for (n, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let parsed = line.split_once(':').and_then(|(address, bytes)| {
                let address = u64::from_str_radix(address.trim(), 16).ok()?;
                let digits: String = bytes.split_whitespace().collect();
                Some((address, hex::decode(digits).ok()?))
            });
            let Some((address, bytes)) = parsed else {
                return Err(format!(
                    "{origin}: line {}: not \"address: bytes\" in hexadecimal",
                    n + 1
                ));
            };
            contents.insert(address, bytes);
        }
        Ok(contents)
    }

    /// `N` bytes at an address, if they were seen.
    pub fn array<const N: usize>(&self, address: u64) -> Option<[u8; N]> {
        let (start, bytes) = self.pieces.range(..=address).next_back()?;
        let offset = usize::try_from(address - start).ok()?;
        crate::bytes::array(bytes, offset)
    }

    /// Four bytes, least significant first.
    pub fn u32(&self, address: u64) -> Option<u32> {
        self.array(address).map(u32::from_le_bytes)
    }
}

impl std::fmt::Display for Contents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (address, bytes) in &self.pieces {
            write!(f, "{address:08x}:")?;
            for byte in bytes {
                write!(f, " {byte:02x}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ram_is_ram_that_is_not_reserved() {
        let text = "09000000-09000fff : pl011\n40000000-47ffffff : System RAM\n  \
            40200000-40ffffff : Kernel code\n  41000000-4100ffff : reserved\n";
        let map = Map::parse("iomem", text).unwrap();
        assert_eq!(map.free(0x4100_0000, 0x1000), None);
        assert_eq!(map.free(0x0900_0000, 0x1000), None);
        let ram = Some((0x4000_0000, 0x47ff_ffff));
        assert_eq!(map.free(0x4100_f000, 0x2000), ram);
        assert_eq!(map.free(0x3fff_f000, 0x2000), ram);
        assert_eq!(map.free(u64::MAX, u64::MAX), None);
        assert!(Map::parse("iomem", "x").unwrap_err().contains("line 1"));
        let zeros = "00000000-00000000 : System RAM";
        assert!(Map::parse("m", zeros).unwrap_err().contains("root"));
    }

    #[test]
    fn contents_survive_their_file_form() {
        let mut contents = Contents::default();
        contents.insert(0xa00_9000, b"\0CCP1234".to_vec());
        contents.insert(0x1_0000_0000, vec![1]);
        let again = Contents::parse("x", &contents.to_string()).unwrap();
        assert_eq!(contents, again);
        assert_eq!(again.u32(0xa00_9000), Some(0x5043_4300));
        assert_eq!(again.u32(0xa00_9005), None, "one byte too far");
        assert_eq!(again.u32(0xa00_8fff), None);
        assert!(Contents::parse("x", "\n12 34").is_err());
    }
}
