//! The endpoint by the golden cases, and by every small value.

use super::*;

fn versions(texts: &[&str]) -> Vec<Version> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn endpoint() -> Endpoint {
    Endpoint::new(Config {
        uuid: Some(*b"0123456789abcdef"),
        eid: Eid(9),
        message_types: BTreeSet::from([0x01, 0x7e]),
        versions: BTreeMap::from([
            (0xff, versions(&["1.0", "1.1", "1.2", "1.3.3"])),
            (0x05, vec![Version([0xf4, 0xf3, 0xf2, 0xf1])]),
        ]),
        vendors: vec![
            (VendorId::Iana(0x1234_abcd), 0x5678),
            (VendorId::Pci(0xabcd), 0x5678),
        ],
        ..Config::default()
    })
}

fn answer(endpoint: &mut Endpoint, request: &[u8]) -> Vec<u8> {
    match endpoint.handle(request) {
        Outcome::Reply(reply) => reply,
        Outcome::Silent(reason) => panic!("silent: {reason}"),
    }
}

/// Request, response, origin (facts/mctp.md section 12).
#[test]
fn golden_cases() {
    const CASES: &[(&[u8], &[u8], &str)] = &[
        (&[0, 0x80, 1, 0, 0x42], &[0, 0, 1, 0, 0, 0x42, 0], "MD"),
        (&[0, 0x80, 5, 0], &[0, 0, 5, 3], "S36, one byte too many"),
        (&[0, 0x80, 4, 5], &[0, 0, 4, 0, 1, 0xf4, 0xf3, 0xf2, 0xf1], "MD"),
        (
            &[0, 0x80, 4, 0xff],
            &[
                0, 0, 4, 0, 4, 0xf1, 0xf0, 0xff, 0, 0xf1, 0xf1, 0xff, 0, 0xf1,
                0xf2, 0xff, 0, 0xf1, 0xf3, 0xf3, 0,
            ],
            "LM",
        ),
        (&[0, 0x80, 4, 6], &[0, 0, 4, 0x80], "LM, not supported"),
        (
            &[0, 0x80, 6, 0],
            &[0, 0, 6, 0, 1, 1, 0x12, 0x34, 0xab, 0xcd, 0x56, 0x78],
            "MD, IANA",
        ),
        (
            &[0, 0x80, 6, 1],
            &[0, 0, 6, 0, 0xff, 0, 0xab, 0xcd, 0x56, 0x78],
            "MD, PCI",
        ),
        (&[0, 0x80, 6, 2], &[0, 0, 6, 2], "MD, out of range"),
        (&[0, 0x80, 0xf2], &[0, 0, 0xf2, 5], "V probe"),
        (&[0, 0x80, 0x0b], &[0, 0, 0x0b, 5], "MD, SMBus"),
        (
            &[0, 0x8a, 1, 0, 0x0a],
            &[0, 0x0a, 1, 0, 0, 0x0a, 0],
            "MRS, instance 10",
        ),
        (&[0, 0x81, 3], b"\x00\x01\x03\x000123456789abcdef", "S36, UUID"),
        (&[0, 0x80, 2], &[0, 0, 2, 0, 9, 0, 0], "worked example 1"),
        (&[0, 0x80, 5], &[0, 0, 5, 0, 2, 1, 0x7e], "two types"),
    ];
    for (request, response, origin) in CASES {
        let found = answer(&mut endpoint(), request);
        assert_eq!(&found, response, "{origin}: {request:02x?}");
    }
}

#[test]
fn every_command_with_every_length() {
    // (command, length of its request data)
    let lengths = [(1, 2), (2, 0), (3, 0), (4, 1), (5, 0), (6, 1)];
    for command in 0..=u8::MAX {
        let known = lengths.iter().find(|(code, _)| *code == command);
        for length in 0..8_usize {
            let mut request = vec![0, 0x80, command];
            request.resize(3 + length, 0xa5);
            let reply = answer(&mut endpoint(), &request);
            let code = reply[3];
            match known {
                None => assert_eq!(code, 5, "{request:02x?}"),
                Some((_, right)) if *right == length => {
                    assert_ne!(code, 3, "{request:02x?}");
                }
                Some(_) => assert_eq!(code, 3, "{request:02x?}"),
            }
        }
    }
}

#[test]
fn set_endpoint_id_takes_every_value_by_the_rules() {
    for operation in 0..=u8::MAX {
        for eid in 0..=u8::MAX {
            let mut endpoint = endpoint();
            let reply = answer(&mut endpoint, &[0, 0x80, 1, operation, eid]);
            let right = operation & 3 < 2 && (8..=254).contains(&eid);
            if right {
                assert_eq!(reply, [0, 0, 1, 0, 0, eid, 0]);
                assert_eq!(endpoint.eid(), Eid(eid));
            } else {
                assert_eq!(reply, [0, 0, 1, 2]);
                assert_eq!(endpoint.eid(), Eid(9));
            }
        }
    }
}

#[test]
fn static_eid_and_discovery() {
    let mut endpoint = Endpoint::new(Config {
        static_eid: Some(Eid(20)),
        discovery: true,
        ..Config::default()
    });
    assert_eq!(answer(&mut endpoint, &[0, 0x80, 2]), [0, 0, 2, 0, 0, 3, 0]);
    assert_eq!(
        answer(&mut endpoint, &[0, 0x80, 1, 2, 0]),
        [0, 0, 1, 0, 0, 20, 0]
    );
    assert_eq!(answer(&mut endpoint, &[0, 0x80, 2]), [0, 0, 2, 0, 20, 2, 0]);
    assert_eq!(answer(&mut endpoint, &[0, 0x80, 0x0c]), [0, 0, 12, 0]);
    answer(&mut endpoint, &[0, 0x80, 1, 3, 0]);
    assert!(matches!(endpoint.handle(&[0, 0x80, 0x0c]), Outcome::Silent(_)));
    assert_eq!(answer(&mut endpoint, &[0, 0x80, 0x0b]), [0, 0, 11, 0]);
    assert!(!endpoint.state().discovered);
}

#[test]
fn network_id_and_query_hop() {
    let mut endpoint = Endpoint::new(Config {
        eid: Eid(9),
        transmission_unit: 256,
        network_id: Some(*b"fedcba9876543210"),
        query_hop: true,
        ..Config::default()
    });
    let cases: &[(&[u8], &[u8])] = &[
        (&[0, 0x81, 0x0e], b"\0\x01\x0e\0fedcba9876543210"),
        (&[0, 0x81, 0x0e, 1], &[0, 1, 0x0e, 3]),
        // 256 bytes are 64 and 12 times 16.
        (&[0, 0x81, 0x0f, 9, 1], &[0, 1, 0x0f, 0, 0, 1, 0, 12, 0, 12]),
        (&[0, 0x81, 0x0f, 0, 1], &[0, 1, 0x0f, 2]),
        (&[0, 0x81, 0x0f, 255, 1], &[0, 1, 0x0f, 2]),
        (&[0, 0x81, 0x0f, 10, 1], &[0, 1, 0x0f, 2]),
        (&[0, 0x81, 0x0f, 9], &[0, 1, 0x0f, 3]),
    ];
    for (request, response) in cases {
        assert_eq!(&answer(&mut endpoint, request), response, "{request:02x?}");
    }
}

#[test]
fn what_gets_no_answer() {
    let cases: &[(&str, &[u8])] = &[
        ("response", &[0, 0x00, 2]),
        ("datagram", &[0, 0xc0, 2]),
        ("IC set", &[0x80, 0x80, 2]),
        ("two bytes", &[0, 0x80]),
        ("empty", &[]),
    ];
    for (name, message) in cases {
        let outcome = endpoint().handle(message);
        assert!(matches!(outcome, Outcome::Silent(_)), "{name}");
    }
    assert!(Endpoint::judge_control(&[0, 0x80, 2], 2).is_err());
    // A datagram acts all the same.
    let mut endpoint = endpoint();
    endpoint.handle(&[0, 0xc0, 1, 0, 0x42]);
    assert_eq!(endpoint.eid(), Eid(0x42));
}

#[test]
fn every_address_by_the_drop_rules() {
    let endpoint = endpoint();
    for number in 0..=u8::MAX {
        let mut header = Header {
            destination: Eid(9),
            source: Eid(number),
            som: true,
            eom: true,
            sequence: 0,
            to: true,
            tag: 0,
        };
        let allowed = number == 0 || (8..=254).contains(&number);
        assert_eq!(endpoint.accepts(&header).is_ok(), allowed);
        header.source = Eid(8);
        header.destination = Eid(number);
        let ours = [0, 9, 255].contains(&number);
        assert_eq!(endpoint.accepts(&header).is_ok(), ours);
    }
}
