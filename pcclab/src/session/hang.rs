//! Where a guest that hangs has got to.

use std::time::{Duration, Instant};

use super::Session;
use crate::backtrace::{self, Backtrace, Symbols};
use crate::console::kernel_line;
use crate::input::Input;
use crate::programs;

impl Session {
    /// Asks the guest where its processors and programs are.
    pub(super) fn look_at_hang(&mut self) -> Vec<String> {
        let mut backtrace = Backtrace::default();
        for letter in backtrace::LETTERS {
            // A break on the console, and the letter (Linux
            // Documentation/admin-guide/sysrq.rst).
            let id = serde_json::json!({ "id": programs::CONSOLE });
            if self.monitor.ask("chardev-send-break", &id).is_err() {
                break;
            }
            // Or the letter might come before the break.
            self.listen(Duration::from_secs(2), |input| {
                matches!(input, Input::Monitor(said)
                    if said.get("return").is_some())
            });
            if self.write(&[*letter]).is_err() {
                break;
            }
            self.listen(Duration::from_secs(5), |input| {
                if let Input::Line(line, _) = input
                    && let Some((_, text)) = kernel_line(line)
                {
                    backtrace.line(text);
                }
                backtrace.is_done(*letter)
            });
        }
        if backtrace.is_empty() {
            let command = serde_json::json!({
                "command-line": "info registers -a"
            });
            if self.monitor.ask("human-monitor-command", &command).is_ok() {
                self.listen(Duration::from_secs(2), |input| {
                    matches!(input, Input::Monitor(said)
                        if backtrace.registers(said))
                });
            }
        }
        // Only bare addresses need names.
        let symbols = match backtrace.is_empty() {
            true => self.config.lab.kernel.symbols(),
            false => Symbols::new(),
        };
        backtrace.text(self.transcript.loading.as_deref(), &symbols)
    }

    /// Looks at what comes for so long, until `until` has seen enough, or
    /// until the guest that has begun to speak falls silent; what comes is not
    /// looked at by anybody else.
    fn listen(
        &mut self,
        patience: Duration,
        mut until: impl FnMut(&Input) -> bool,
    ) {
        const SILENCE: Duration = Duration::from_millis(700);
        let end = Instant::now() + patience;
        let mut spoken = false;
        loop {
            let mut left = end.saturating_duration_since(Instant::now());
            if spoken {
                left = left.min(SILENCE);
            }
            match self.input.recv_timeout(left) {
                Ok(Input::Closed | Input::Flood) | Err(_) => return,
                Ok(input) if until(&input) => return,
                Ok(Input::Line(..)) => spoken = true,
                Ok(_) => {}
            }
        }
    }
}
