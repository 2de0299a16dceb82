//! The bytes of a capture, read as they are needed.

use std::fmt;
use std::io::{self, Read};

use pcap_file::PcapError;

/// Longest block: a packet that Wireshark takes, with its comments.
const MOST_BLOCK: usize = 1 << 20;
/// How much is read at once.
const PIECE: usize = 64 << 10;
/// Why a capture cannot be read on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    /// Byte of the file where the block or packet begins; none if it is of
    /// the whole file.
    pub offset: Option<u64>,
    /// What is wrong.
    pub reason: String,
}

impl ReadError {
    /// Something is wrong at a byte.
    pub fn at(offset: u64, reason: String) -> Self {
        Self { offset: Some(offset), reason }
    }

    /// Something is wrong with the file.
    pub fn whole(reason: String) -> Self {
        Self { offset: None, reason }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.offset {
            Some(offset) => write!(f, "at byte {offset}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

impl std::error::Error for ReadError {}

/// The bytes of a file, as they are needed.
pub struct Source {
    input: Box<dyn Read>,
    /// What was read and not yet looked at begins at `start`.
    buffer: Vec<u8>,
    start: usize,
    /// Byte of the file at `start`.
    pub offset: u64,
}

impl Source {
    pub fn new(input: Box<dyn Read>) -> Self {
        Self { input, buffer: Vec::new(), start: 0, offset: 0 }
    }

    /// What was read and not yet looked at.
    pub fn left(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Takes the next thing off; none at the end. More is read as it is
    /// needed.
    pub fn parse<T>(
        &mut self,
        mut take: impl FnMut(&[u8]) -> Result<(&[u8], T), PcapError>,
    ) -> Result<Option<T>, ReadError> {
        loop {
            let left = self.left();
            let taken = match left.is_empty() {
                true => Err(PcapError::IncompleteBuffer),
                false => take(left).map(|(rest, it)| (rest.len(), it)),
            };
            match taken {
                Ok((rest, it)) => {
                    let used = left.len().saturating_sub(rest);
                    self.start += used;
                    self.offset += u64::try_from(used).unwrap_or_default();
                    return Ok(Some(it));
                }
                Err(PcapError::IncompleteBuffer)
                    if left.len() <= MOST_BLOCK =>
                {
                    if !self.fill()? {
                        return match self.left().is_empty() {
                            true => Ok(None),
                            false => Err(self.cut()),
                        };
                    }
                }
                Err(PcapError::IncompleteBuffer) => {
                    return Err(self.wrong(format!(
                        "a block or packet of more than {MOST_BLOCK} bytes, \
                         or a length that lies"
                    )));
                }
                Err(error) => return Err(self.wrong(error.to_string())),
            }
        }
    }

    /// Reads more. False at the end of the file.
    pub fn fill(&mut self) -> Result<bool, ReadError> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let before = self.buffer.len();
        self.buffer.resize(before + PIECE, 0);
        let piece = self.buffer.get_mut(before..).unwrap_or_default();
        let read = loop {
            match self.input.read(piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.buffer.truncate(before + read.as_ref().copied().unwrap_or(0));
        match read {
            Ok(count) => Ok(count > 0),
            Err(error) => Err(self.wrong(error.to_string())),
        }
    }

    fn wrong(&self, reason: String) -> ReadError {
        ReadError::at(self.offset, reason)
    }

    fn cut(&self) -> ReadError {
        self.wrong(format!(
            "the file ends within a block; what is before that is whole: \
             `head -c {}` keeps it",
            self.offset
        ))
    }
}
