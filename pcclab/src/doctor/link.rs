//! The links of a message's way, and what to do where one is broken.

use crate::commands::Step;

/// A link of the chain, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// The firmware publishes a PCCT.
    Table,
    /// The kernel takes it.
    Kernel,
    /// What happens to a command.
    Step(Step),
    /// The same, but the driver had given up before.
    Late(Step),
    /// What happens to a message to the guest that nobody asked for.
    Message(Step),
    /// The same, too late.
    LateMessage(Step),
}

impl Link {
    /// What to do where the link is broken.
    pub(super) fn advice(self) -> &'static str {
        match self {
            Link::Table => {
                "give QEMU -machine pcc=on, or a table with -acpitable; boot \
                 with UEFI firmware, and not with acpi=off"
            }
            Link::Kernel => {
                "build the kernel with CONFIG_PCC=y; check the table with \
                 acpi-tools validate"
            }
            Link::Step(step) => of_step(step),
            Link::Message(Step::Taken) => {
                "a type 4 channel takes nothing until its driver has asked \
                 for it, and no other before one is acknowledged; qemu.log \
                 says why, where the device refuses the file"
            }
            Link::Message(Step::Interrupt) => {
                "the message's envelope keeps it back (no-interrupt, delay); \
                 pccd.log shows the envelope and the handler"
            }
            Link::Message(step) => of_step(step),
            Link::Late(_) | Link::LateMessage(_) => {
                "compare how long the driver waits with how long the platform \
                 takes (delay); pcclab latency shows that of each step"
            }
        }
    }
}

/// What to do where a command got no further.
fn of_step(step: Step) -> &'static str {
    match step {
        Step::Doorbell | Step::Next => {
            "see whether the module is loaded, its device is in the SSDT, and \
             its probe asks for a subspace that is in the PCCT"
        }
        Step::Published => {
            "pccd takes no messages, or the mailbox cannot be written; \
             qemu.log says which"
        }
        Step::Read => {
            "start pccd on this mailbox; pccd status --mailbox says whether \
             one runs"
        }
        Step::Decoded => {
            "compare what the driver wrote with ACPI 6.5 chapter 14; pccd \
             decode shows the file field by field"
        }
        Step::Answered => {
            "write a handler for it in messages/, or correct the one named; \
             pccd check shows which rules overlap"
        }
        Step::Taken => {
            "qemu.log says why, where the device refuses the file; a type 4 \
             channel takes nothing until its driver has bound"
        }
        Step::Complete => {
            "the device withholds completion while outbox/ is full \
             (max-queued), or until the answer is there"
        }
        Step::Interrupt => {
            "the answer's envelope keeps it back (no-interrupt, delay); \
             pccd.log shows the envelope and the handler"
        }
        Step::Acknowledge => {
            "the driver did not see the interrupt: compare the GSI in the \
             PCCT with /proc/interrupts, edge and level too"
        }
    }
}

impl std::fmt::Display for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = match self {
            Link::Table => "the firmware publishes a PCCT",
            Link::Kernel => "the kernel takes it",
            Link::Message(step) | Link::LateMessage(step) => match step {
                Step::Taken => "the device loads the message to the guest",
                Step::Interrupt => "it raises the interrupt of the message",
                Step::Acknowledge => "the guest acknowledges the message",
                _ => "pccd sends a message to the guest",
            },
            Link::Step(step) | Link::Late(step) => match step {
                Step::Doorbell | Step::Next => "the driver rings a doorbell",
                Step::Published => "the device writes the request to outbox/",
                Step::Read => "pccd reads it",
                Step::Decoded => "it is well formed",
                Step::Answered => "a handler answers",
                Step::Taken => "the device takes the answer",
                Step::Complete => "it completes the command",
                Step::Interrupt => "it raises the interrupt",
                Step::Acknowledge => "the guest acknowledges",
            },
        };
        let is_late = matches!(self, Link::Late(_) | Link::LateMessage(_));
        write!(f, "{words}{}", if is_late { " in time" } else { "" })
    }
}
