//! Requests that end too early or too late, and what their protocol says to
//! them.

use super::checksum::Checksum;
use super::mctp::{INTEGRITY_LEN, MsgType};
use super::pldm::CompletionCode;

/// SPDM's GET_VERSION, which is 1.0 whatever is spoken later (DSP0274
/// §10.3).
const GET_VERSION: u8 = 0x84;
/// SPDM's ERROR, and its code InvalidRequest (DSP0274 table 60).
const SPDM_ERROR: u8 = 0x7f;
const INVALID_REQUEST: u8 = 1;
/// NVMe-MI's status Invalid Command Size (NVMe-MI 1.2 figure 29).
const INVALID_COMMAND_SIZE: u8 = 5;
/// In NVMe-MI's second byte: this is a response.
const RESPONSE: u8 = 0x80;

/// The answer to a request of a wrong length, type byte first, and its name.
/// None if the protocol has no such answer, the message is no request, or
/// not even its header is there. Control messages are the endpoint's affair.
///
/// ```
/// use pccd::wire::refuse::refusal;
/// // GetTID with a byte that does not belong there.
/// let (answer, name) = refusal(&[1, 0x85, 0, 2, 0]).unwrap();
/// assert_eq!(answer, [1, 5, 0, 2, 3]);
/// assert_eq!(name, "ERROR_INVALID_LENGTH");
/// ```
pub fn refusal(request: &[u8]) -> Option<(Vec<u8>, &'static str)> {
    let kind = MsgType::from(request.first()? & 0x7f);
    match (kind, request) {
        // Rq set, D clear: a request that wants an answer (DSP0240 §9.1).
        (MsgType::Pldm, [first, rq, kind, command, ..])
            if rq & 0xc0 == 0x80 =>
        {
            let code = CompletionCode::InvalidLength;
            let answer = vec![*first, rq & 0x1f, *kind, *command, code.into()];
            Some((answer, code.name()?))
        }
        (MsgType::Spdm, [first, version, code, ..]) if code & 0x80 != 0 => {
            let version = if *code == GET_VERSION { 0x10 } else { *version };
            let answer = vec![*first, version, SPDM_ERROR, INVALID_REQUEST, 0];
            Some((answer, "InvalidRequest"))
        }
        (MsgType::NvmeMi, [first, second, _, _, rest @ ..])
            if second & RESPONSE == 0 && rest.len() >= INTEGRITY_LEN =>
        {
            let status = [INVALID_COMMAND_SIZE, 0, 0, 0];
            let mut answer = vec![*first, second | RESPONSE, 0, 0];
            answer.extend(status);
            let check = Checksum::Crc32c.of(&answer).to_le_bytes();
            answer.extend(check.iter().take(INTEGRITY_LEN));
            Some((answer, "Invalid Command Size"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::message::describe;

    #[test]
    fn answers_decode() {
        let nvme = {
            let mut request = vec![0x84, 0x09, 0, 0, 1, 0, 0, 0];
            let check = Checksum::Crc32c.of(&request).to_le_bytes();
            request.extend(check.iter().take(4));
            request
        };
        for (request, answer) in [
            (&[1, 0x9f, 2, 0x11, 1][..], "1f 02 11 03"),
            (&[1, 0x80, 0x3f, 9], "00 3f 09 03"),
            (&[5, 0x12, 0xe1, 0], "12 7f 01 00"),
            (&[5, 0x12, 0x84], "10 7f 01 00"),
            (&nvme, "89 00 00 05 00 00 00 a7 e2 13 ec"),
        ] {
            let (refused, _) = refusal(request).unwrap();
            let (kind, rest) = refused.split_first().unwrap();
            assert_eq!(request.first(), Some(kind));
            let text = crate::wire::text::spaced_hex(rest);
            assert_eq!(text, answer, "{request:02x?}");
            assert_eq!(describe(&refused).wrong_length(), None);
        }
    }

    #[test]
    fn what_is_no_request_is_not_answered() {
        for message in [
            &[][..],
            &[0, 0x80, 2, 7],
            &[1],
            &[1, 0x80, 0],
            &[1, 0x00, 0, 2],
            &[1, 0xc0, 0, 2],
            &[5, 0x10],
            &[5, 0x10, 0x04],
            &[0x84, 0x88, 0, 0, 0, 0, 0, 0],
            &[0x84, 0x08, 0, 0, 0],
            &[0x7e, 0x1a],
        ] {
            assert_eq!(refusal(message), None, "{message:02x?}");
        }
    }
}
