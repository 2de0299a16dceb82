//! MCTP messages as handlers.

use serde_json::{Map, Value as Json, json};

use super::steps::{Names, envelope, groups, steps};
use crate::handlers::message_from;
use crate::record::{FieldValue, describe_message};
use crate::recording::{
    Exchange, Message, Request, Said, Side, Unasked, instance,
};
use crate::script::delay::Wait;
use crate::wire::mctp::Packet;
use crate::wire::pcc::{Frame, split_envelope};
use crate::wire::text::spaced_hex;

/// The EID of the endpoint that comes with pccd.
const USUAL: u8 = 9;
/// Set Endpoint ID (DSP0236 §12.3), but for its data.
const SET_EID: [u8; 2] = [0, 1];

/// The file; none where no message was asked.
pub fn file(side: &Side, notes: &mut Vec<String>) -> Option<Json> {
    let asked = side.exchanges.iter().filter(|one| {
        matches!(&one.asked, Request::Message(message)
                 if message.to || side.is_nameless)
    });
    let groups = groups(asked, |one| one.asked.key().nameless());
    let mut names = Names::default();
    let handlers: Vec<Json> = groups
        .iter()
        .filter_map(|group| handler(side, group, &mut names, notes))
        .collect();
    let openings = side.openings.get(&0).map_or(&[][..], Vec::as_slice);
    left_out(openings, "before the first request", notes);
    let unasked: Vec<Json> = openings
        .iter()
        .enumerate()
        .filter_map(|(at, one)| {
            let (bytes, head, _) = message(&one.said)?;
            Some(json!({
                "name": format!("unasked {}", at + 1),
                "after": one.after,
                "message": body(&bytes, None),
                "destination": if head.0 == 0 { 8 } else { head.0 },
                "tag": head.2,
            }))
        })
        .collect();
    if handlers.is_empty() && unasked.is_empty() {
        return None;
    }
    let mut file = json!({ "handlers": handlers });
    let object = file.as_object_mut()?;
    if !unasked.is_empty() {
        object.insert("unasked".to_owned(), unasked.into());
    }
    let replies = side.exchanges.iter().filter_map(|one| one.reply.as_ref());
    let mut sources = replies.filter_map(|said| Some(message(said)?.1.1));
    if let Some(eid) = sources.find(|eid| *eid != 0)
        && eid != USUAL
    {
        object.insert("endpoint".to_owned(), json!({ "eid": eid }));
    }
    Some(file)
}

/// A recording in which MCTP messages that nobody asked for follow one that
/// was, though a command to a channel of registers came between.
pub fn moved(side: &Side) -> Side {
    let mut side = side.clone();
    let mut last: Option<usize> = None;
    for place in 0..side.exchanges.len() {
        let Some(one) = side.exchanges.get_mut(place) else { break };
        if matches!(one.asked, Request::Message(_)) {
            last = Some(place);
            continue;
        }
        let is_message = |one: &Unasked| message(&one.said).is_some();
        let (messages, rest) = std::mem::take(&mut one.unasked)
            .into_iter()
            .partition::<Vec<_>, _>(is_message);
        one.unasked = rest;
        let (time, life) = (one.time, one.life);
        let Some(to) = last.and_then(|at| side.exchanges.get_mut(at)) else {
            // A life's first.
            side.openings.entry(life).or_default().extend(messages);
            continue;
        };
        let passed = time.zip(to.time).map(|(is, was)| is - was);
        let passed = passed.and_then(|passed| passed.to_std().ok());
        let passed = passed.unwrap_or_default().as_millis();
        let passed = u64::try_from(passed).unwrap_or(u64::MAX);
        to.unasked.extend(messages.into_iter().map(|one| Unasked {
            after: one.after.saturating_add(passed),
            ..one
        }));
    }
    side
}

/// Destination, source and tag.
type Head = (u8, u8, u8);

/// A message with its head, and its first content's envelope.
fn message(said: &Said) -> Option<(Vec<u8>, Head, Option<Json>)> {
    match said {
        Said::Message(Message { source, destination, tag, bytes, .. }) => {
            Some((bytes.clone(), (*destination, *source, *tag), None))
        }
        Said::Contents { contents, .. } => {
            let (mut bytes, mut head) = (Vec::new(), None);
            for content in contents {
                let (_, bare) = split_envelope(content);
                let payload = Frame::decode(bare).ok()?.payload;
                let packet = Packet::decode(payload).ok()?;
                let own = packet.header;
                bytes.extend_from_slice(packet.payload);
                let found = (own.destination.0, own.source.0, own.tag);
                head = head.or(Some(found));
            }
            let told = contents.first().and_then(|one| envelope(one));
            Some((bytes, head?, told))
        }
    }
}

/// Notes what is no message of MCTP.
fn left_out(all: &[Unasked], place: &str, notes: &mut Vec<String>) {
    let left = all.iter().filter(|one| message(&one.said).is_none()).count();
    if left > 0 {
        notes.push(format!(
            "left out: {left} messages that nobody asked for {place}; see \
             `notifications` in messages/README.md"
        ));
    }
}

fn handler(
    side: &Side,
    group: &[&Exchange],
    names: &mut Names,
    notes: &mut Vec<String>,
) -> Option<Json> {
    let first = group.first()?;
    let Request::Message(asked) = &first.asked else { return None };
    let decoded = describe_message(&asked.bytes);
    let mut handler = Map::new();
    let name = names.unique(&decoded.summary);
    handler.insert("name".to_owned(), name.into());
    let fields = instance(&asked.bytes).and_then(|_| fields(&asked.bytes));
    let matching = match fields {
        Some(mut fields) => {
            fields.retain(|name, _| !name.ends_with(".instance_id"));
            json!({ "fields": fields })
        }
        None => json!({ "hex": spaced_hex(&asked.bytes) }),
    };
    handler.insert("match".to_owned(), matching);
    let mut steps = steps(group, |one| says(side, one, notes));
    if steps.len() == 1 {
        handler.extend(steps.remove(0).says);
    } else {
        let last = steps.len().saturating_sub(1);
        let all = steps.into_iter().enumerate().map(|(at, step)| {
            let mut says = step.says;
            if step.times > 1 && at < last {
                says.insert("times".to_owned(), step.times.into());
            }
            Json::Object(says)
        });
        handler.insert("sequence".to_owned(), all.collect());
    }
    Some(Json::Object(handler))
}

/// What goes back, and what is sent after it.
fn says(
    side: &Side,
    one: &Exchange,
    notes: &mut Vec<String>,
) -> Map<String, Json> {
    let mut says = Map::new();
    let Request::Message(asked) = &one.asked else { return says };
    let reply = one.reply.as_ref().map(message);
    let reply = match reply {
        None => "none".into(),
        Some(None) => {
            notes.push(format!(
                "the answer to {} is no frame of MCTP: left out",
                side.place(one.number - 1)
            ));
            "none".into()
        }
        Some(Some((bytes, _, told))) => {
            if let Some(told) = told {
                says.insert("envelope".to_owned(), told);
            }
            let is_set = bytes.get(..4).is_some_and(|head| {
                [head[0], head[2], head[3]] == [SET_EID[0], SET_EID[1], 0]
            });
            // The endpoint has to take its new EID.
            match is_set {
                true => "pass".into(),
                false => body(&bytes, instance(&asked.bytes)),
            }
        }
    };
    says.insert("reply".to_owned(), reply);
    let place = side.place(one.number - 1);
    left_out(&one.unasked, &format!("after {place}"), notes);
    let then: Vec<Json> = one
        .unasked
        .iter()
        .filter_map(|sent| {
            let (bytes, (destination, _, tag), told) = message(&sent.said)?;
            let waited = match one.wait {
                Wait::Ms(ms) => ms,
                Wait::Never => 0,
            };
            let mut unasked = json!({
                "message": body(&bytes, None),
                "tag": tag,
                "after": sent.after.saturating_sub(waited),
            });
            let object = unasked.as_object_mut()?;
            if destination != 0 {
                object.insert("destination".to_owned(), destination.into());
            }
            if let Some(told) = told {
                object.insert("envelope".to_owned(), told);
            }
            Some(json!({ "unasked": unasked }))
        })
        .collect();
    if !then.is_empty() {
        says.insert("then".to_owned(), then.into());
    }
    says
}

/// A message by its fields where that makes the same bytes, else in hex.
/// The instance id comes from the request, where it is the same.
fn body(bytes: &[u8], asked: Option<u8>) -> Json {
    match fields(bytes) {
        Some(mut fields) => {
            if asked.is_some() && asked == instance(bytes) {
                fields.retain(|name, _| !name.ends_with(".instance_id"));
            }
            json!({ "fields": fields })
        }
        None => json!({ "hex": spaced_hex(bytes) }),
    }
}

/// The fields of a message, if they make it again: with the names of their
/// values, or in numbers.
fn fields(bytes: &[u8]) -> Option<Map<String, Json>> {
    // Of what a vendor has made, hex says more.
    let known = instance(bytes).is_some();
    let decoded = describe_message(bytes);
    if !known || decoded.fields.iter().any(|one| one.layer == "end") {
        return None;
    }
    let with = |is_named: bool| -> Option<Map<String, Json>> {
        let mut all = Map::new();
        for one in &decoded.fields {
            let name = format!("{}.{}", one.layer, one.name);
            let value = match (&one.value, &one.meaning) {
                (FieldValue::Number(_), Some(meaning)) if is_named => {
                    meaning.clone().into()
                }
                (FieldValue::Number(number), _) => (*number).into(),
                (FieldValue::Negative(number), _) => (*number).into(),
                (FieldValue::Text(text), _) => text.clone().into(),
            };
            if name.ends_with(".reserved") && value == 0 {
                continue;
            }
            all.insert(name, value);
        }
        let text = json!({ "fields": all }).to_string();
        (message_from(&text).ok()? == bytes).then_some(all)
    };
    with(true).or_else(|| with(false))
}
