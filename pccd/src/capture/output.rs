//! Where a capture goes: a file, whose end is always that of a block, or a
//! stream, whose reader may be slow without anybody waiting for it.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::mpsc::{
    Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel,
};
use std::thread;
use std::time::Duration;

/// Most pieces that wait for a slow reader.
const MOST_WAITING: usize = 4096;
/// How long the end waits for a slow reader.
const LINGER: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub struct Output {
    name: String,
    to: To,
}

#[derive(Debug)]
enum To {
    /// A file, and how much of it is whole.
    File(File, u64),
    /// A thread that writes, and how it ended.
    Stream(SyncSender<Vec<u8>>, Receiver<io::Error>),
    /// A stream whose reader went away.
    Gone,
}

impl Output {
    /// # Errors
    ///
    /// It cannot be made, or no thread can.
    pub fn create(path: &Path) -> io::Result<Self> {
        if path.as_os_str() == "-" {
            let name = "on standard output".to_owned();
            return Ok(Self { name, to: To::stream(io::stdout())? });
        }
        let name = path.display().to_string();
        let file = File::create(path)?;
        let to = match file.metadata()?.is_file() {
            true => To::File(file, 0),
            false => To::stream(file)?,
        };
        Ok(Self { name, to })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes whole blocks, or nothing.
    ///
    /// # Errors
    ///
    /// The file cannot be written; the stream's reader is gone, or too slow.
    pub fn write(&mut self, blocks: &[u8]) -> io::Result<()> {
        match &mut self.to {
            To::File(file, whole) => {
                // What the last one left behind would be read as a block.
                if *whole != file.stream_position()? {
                    file.set_len(*whole)?;
                    file.seek(SeekFrom::Start(*whole))?;
                }
                file.write_all(blocks)?;
                *whole += u64::try_from(blocks.len()).unwrap_or_default();
                Ok(())
            }
            To::Stream(sender, ended) => {
                match sender.try_send(blocks.to_vec()) {
                    Ok(()) => Ok(()),
                    Err(TrySendError::Full(_)) => {
                        Err(io::Error::other("its reader is too slow"))
                    }
                    Err(TrySendError::Disconnected(_)) => {
                        let error = ended.recv();
                        self.to = To::Gone;
                        Err(error.unwrap_or_else(|_| gone()))
                    }
                }
            }
            To::Gone => Err(gone()),
        }
    }

    /// Writes into another file from here on; returns that before.
    #[cfg(test)]
    pub fn replace_file(&mut self, other: File) -> File {
        match &mut self.to {
            To::File(file, _) => std::mem::replace(file, other),
            _ => panic!("it is a stream"),
        }
    }

    /// Ends it; waits for a stream's reader, but not for long.
    ///
    /// # Errors
    ///
    /// What was written has not arrived.
    pub fn finish(self) -> io::Result<()> {
        let To::Stream(sender, ended) = self.to else { return Ok(()) };
        drop(sender);
        match ended.recv_timeout(LINGER) {
            Ok(error) => Err(error),
            Err(RecvTimeoutError::Disconnected) => Ok(()),
            Err(RecvTimeoutError::Timeout) => {
                Err(io::Error::other("its reader is too slow"))
            }
        }
    }
}

impl To {
    fn stream<W: Write + Send + 'static>(mut out: W) -> io::Result<Self> {
        let (sender, waiting) = sync_channel::<Vec<u8>>(MOST_WAITING);
        let (end, ended) = sync_channel(1);
        thread::Builder::new().name("capture".to_owned()).spawn(move || {
            for blocks in waiting {
                let written = out.write_all(&blocks).and_then(|()| out.flush());
                if let Err(error) = written {
                    let _ = end.send(error);
                    return;
                }
            }
        })?;
        Ok(Self::Stream(sender, ended))
    }
}

fn gone() -> io::Error {
    io::Error::other("its reader is gone")
}
