//! Lines of QEMU's log: what they say, and in plain words. Knows no file.

use pccd::mailbox::{RequestName, UnaskedName};

/// A line of QEMU's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceLine<'a> {
    /// When, in microseconds since 1970; a guest error has no time.
    pub time: Option<i64>,
    /// The trace event, or `guest_error`.
    pub event: &'a str,
    /// The channel, if it is about one.
    pub subspace: Option<u8>,
    /// What is said.
    pub text: &'a str,
}

/// A trace event of a QEMU without `-msg timestamp=on`.
pub(super) fn untimed(line: &str) -> Option<TraceLine<'_>> {
    let (event, text) = line.split_once(' ')?;
    let subspace = subspace(text);
    event.starts_with("pcc_").then_some(TraceLine {
        time: None,
        event,
        subspace,
        text,
    })
}

/// The channel that a text begins with.
fn subspace(text: &str) -> Option<u8> {
    let rest = text.strip_prefix("subspace ")?;
    let end = rest.find(|c: char| !c.is_ascii_digit());
    rest[..end.unwrap_or(rest.len())].parse().ok()
}

/// The words of a text that may be names of messages.
pub fn names(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split([' ', ',', ':', '/', '\'']);
    words.filter(|word| word.ends_with(".pcc"))
}

/// The channel of the first message's name in a text.
pub(super) fn channel(text: &str) -> Option<u8> {
    names(text).find_map(|word| {
        let name = format!("{}.pcc", RequestName::stem(word));
        let request = name.parse().map(|name: RequestName| name.subspace);
        let unasked = || name.parse().map(|name: UnaskedName| name.subspace);
        request.or_else(|_| unasked()).ok()
    })
}

/// Reads a line of QEMU's log: a trace event, as `-msg timestamp=on` has it,
/// or a complaint of the device about the guest.
pub fn trace_line(line: &str) -> Option<TraceLine<'_>> {
    if let Some(text) = line.strip_prefix("pcc: ") {
        let event = "guest_error";
        let subspace = subspace(text);
        return Some(TraceLine { time: None, event, subspace, text });
    }
    let (pid, rest) = line.split_once('@')?;
    let (time, rest) = rest.split_once(':')?;
    let time = micros(time)?;
    if pid.is_empty() || !pid.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (event, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let subspace = subspace(text);
    Some(TraceLine { time: Some(time), event, subspace, text })
}

/// Microseconds of `SECONDS.micros`.
pub(super) fn micros(text: &str) -> Option<i64> {
    let (seconds, rest) = text.trim().split_once('.')?;
    let digits =
        |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !digits(seconds) || !digits(rest) || rest.len() != 6 {
        return None;
    }
    let seconds: i64 = seconds.parse().ok()?;
    seconds.checked_mul(1_000_000)?.checked_add(rest.parse().ok()?)
}

/// What a trace event says, for people; none for those that are for whoever
/// wants to see everything.
pub(super) fn words(trace: &TraceLine<'_>) -> Option<String> {
    let TraceLine { event, text, .. } = *trace;
    let (who, rest) = text.split_once(": ").unwrap_or((text, ""));
    Some(match event {
        "guest_error" => format!("the guest errs: {text}"),
        "pcc_outbox_command" => format!("{who}: doorbell, {rest}"),
        "pcc_outbox_complete" => format!("{who}: command complete"),
        "pcc_outbox_timeout" => format!("{who}: no answer in time"),
        "pcc_channel_interrupt" => format!("{who}: interrupt, {rest}"),
        "pcc_channel_load" => format!("{who}: message loaded, {rest}"),
        "pcc_channel_reset" => format!("{who}: reset"),
        "pcc_responder_acknowledge" => match rest.ends_with('1') {
            true => format!("{who}: acknowledged, with nothing there"),
            false => format!("{who}: message acknowledged"),
        },
        "pcc_responder_driver" => format!("{who}: its driver is there"),
        "pcc_responder_doorbell" => format!("{who}: doorbell of the guest"),
        "pcc_responder_remind" => format!("{who}: interrupt once more"),
        "pcc_mailbox_epoch" => format!("a life of the guest begins: {rest}"),
        "pcc_mailbox_publish" => format!("written to outbox: {rest}"),
        "pcc_mailbox_deliver" => format!("taken from inbox: {rest}"),
        "pcc_mailbox_reject" => format!("rejected: {rest}"),
        "pcc_mailbox_stale" => format!("stale: {rest}"),
        "pcc_mailbox_again" => format!("not delivered again: {rest}"),
        "pcc_mailbox_drop" => format!("removed to make room: {rest}"),
        "pcc_mailbox_failed" => format!("the mailbox fails: {rest}"),
        _ => return None,
    })
}
