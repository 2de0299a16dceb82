//! What a line of QEMU's log says.
#![allow(missing_docs)]
pub struct TraceLine<'a> {
    pub time: Option<i64>,
    pub event: &'a str,
    pub subspace: Option<u8>,
    pub text: &'a str,
}
pub fn trace_line(line: &str) -> Option<TraceLine<'_>> {
    let sub = |t: &str| -> Option<u8> {
        t.split_once("subspace ")?
            .1
            .split(|c: char| !c.is_ascii_digit())
            .next()?
            .parse()
            .ok()
    };
    if let Some(rest) = line.strip_prefix("pcc: ") {
        return Some(TraceLine {
            time: None,
            event: "guest_error",
            subspace: sub(rest),
            text: rest,
        });
    }
    let (_, rest) = line.split_once('@')?;
    let (time, rest) = rest.split_once(':')?;
    let (s, m) = time.split_once('.')?;
    let time = s.parse::<i64>().ok()? * 1_000_000 + m.parse::<i64>().ok()?;
    let (event, text) = rest.split_once(' ')?;
    Some(TraceLine { time: Some(time), event, subspace: sub(text), text })
}
