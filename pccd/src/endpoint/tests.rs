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

/// Request, response, origin.
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
    assert!(Endpoint::judge_control(&[0, 0x80, 2], 2, true).is_err());
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

#[test]
fn setting_the_eid_discovers() {
    let discovery = Config { discovery: true, ..Config::default() };
    for operation in [0, 1] {
        let mut endpoint = Endpoint::new(discovery.clone());
        answer(&mut endpoint, &[0, 0x80, 1, operation, 10]);
        assert!(endpoint.state().discovered);
    }
    let mut endpoint = Endpoint::new(discovery);
    answer(&mut endpoint, &[0, 0x80, 1, 0, 0xff]);
    assert!(!endpoint.state().discovered, "refused");
    let mut endpoint = self::endpoint();
    answer(&mut endpoint, &[0, 0x80, 1, 0, 10]);
    assert!(!endpoint.state().discovered, "the flag does not exist");
}

#[test]
fn network_and_hops() {
    let mut endpoint = Endpoint::new(Config {
        eid: Eid(9),
        network_id: Some(*b"network-network-"),
        query_hop: true,
        transmission_unit: 96,
        message_types: BTreeSet::from([1]),
        ..Config::default()
    });
    let mut expected = vec![0, 0, 0x0e, 0];
    expected.extend(b"network-network-");
    assert_eq!(answer(&mut endpoint, &[0, 0x80, 0x0e]), expected);
    // EID, type; code and what follows.
    let cases: &[(u8, u8, &[u8])] = &[
        (9, 0, &[0, 0, 0, 0, 2, 0, 2]),
        (9, 1, &[0, 0, 1, 0, 2, 0, 2]),
        (9, 5, &[0, 0, 0xff, 0, 2, 0, 2]),
        (0, 0, &[2]),
        (0xff, 0, &[2]),
        (10, 0, &[2]),
    ];
    for (eid, kind, rest) in cases {
        let found = answer(&mut endpoint, &[0, 0x80, 0x0f, *eid, *kind]);
        assert_eq!(&found[..3], [0, 0, 0x0f]);
        assert_eq!(&found[3..], *rest, "EID {eid}, type {kind}");
    }
    assert_eq!(answer(&mut endpoint, &[0, 0x80, 0x0f, 9]), [0, 0, 0x0f, 3]);
    let mut without = self::endpoint();
    assert_eq!(answer(&mut without, &[0, 0x80, 0x0e]), [0, 0, 0x0e, 5]);
    assert_eq!(answer(&mut without, &[0, 0x80, 0x0f, 9, 0]), [0, 0, 0x0f, 5]);
}

/// Commands of bridges and bus owners, with right data (DSP0236 table 12:
/// not for a simple endpoint), and those optional ones that are not here.
#[test]
fn what_is_for_others_is_not_supported() {
    let cases: &[&[u8]] = &[
        &[0, 0x80, 0x00],
        &[0, 0x80, 0x07, 9],
        &[0, 0x80, 0x08, 0, 4, 20],
        &[0, 0x80, 0x09, 1, 0, 1, 20],
        &[0, 0x80, 0x0a, 0],
        &[0, 0x80, 0x0d],
        &[
            0, 0x80, 0x10, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
            15, 0,
        ],
        &[0, 0x80, 0x11],
        &[0, 0x80, 0x12, 0, 0, 0, 0, 0, 0, 1],
        &[0, 0x80, 0x13, 0, 0, 0, 0, 0, 0, 1],
        &[0, 0x80, 0x14],
        &[0, 0x80, 0xf0, 8, 0x1a],
    ];
    for request in cases {
        let found = answer(&mut endpoint(), request);
        assert_eq!(found, [0, 0, request[2], 5], "{request:02x?}");
    }
}

#[test]
fn every_instance_id_is_echoed_and_a_retry_answered_alike() {
    let mut endpoint = endpoint();
    for instance in 0..32 {
        let request = [0, 0x80 | instance, 1, 0, 0x20];
        let first = answer(&mut endpoint, &request);
        assert_eq!(first, [0, instance, 1, 0, 0, 0x20, 0]);
        assert_eq!(answer(&mut endpoint, &request), first);
    }
}

#[test]
fn integrity_by_message_type() {
    let good =
        [0x84, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xe2, 0, 6, 7];
    assert_eq!(Endpoint::judge_integrity(&good), Ok(()));
    for bit in 0..good.len() * 8 {
        let mut wrong = good;
        wrong[bit / 8] ^= 1 << (bit % 8);
        // Another message type knows another check.
        let kind = wrong[0] & 0x7f;
        if kind == 4 {
            assert!(Endpoint::judge_integrity(&wrong).is_err(), "{bit}");
        }
    }
    for length in 0..good.len() {
        assert!(Endpoint::judge_integrity(&good[..length]).is_err());
    }
    for kind in [0x80, 0x81, 0x85, 0x86] {
        assert!(Endpoint::judge_integrity(&[kind, 1, 2, 3, 4, 5]).is_err());
        assert!(Endpoint::judge_integrity(&[kind & 0x7f, 1]).is_ok());
    }
    // Vendors have checks of their own.
    assert!(Endpoint::judge_integrity(&[0xfe, 0x1a, 0xf4, 0, 0]).is_ok());
    assert!(Endpoint::judge_integrity(&[0xfe, 0x1a, 0xf4, 0]).is_err());
}

#[test]
fn answers_to_our_own_messages_are_awaited() {
    let mut endpoint = endpoint();
    let mut header = Header {
        destination: Eid(9),
        source: Eid(8),
        som: true,
        eom: true,
        sequence: 0,
        to: false,
        tag: 3,
    };
    assert!(endpoint.accepts(&header).is_err());
    let mut state = endpoint.state();
    state.ask(Eid(8), 3, &[0, 0x85, 2]);
    assert_eq!(state.instance(3), Some(5));
    endpoint.set_state(state);
    assert!(endpoint.accepts(&header).is_ok());
    header.tag = 2;
    assert!(endpoint.accepts(&header).is_err(), "another tag");
    (header.tag, header.source) = (3, Eid(10));
    assert!(endpoint.accepts(&header).is_err(), "another endpoint");
    state.answered(3);
    assert!(!state.awaits(Eid(8), 3), "once");
    // Whom we give another EID may answer from there, mctpd does.
    state.ask(Eid(8), 3, &[0, 0x85, 1, 0, 20]);
    assert!(state.awaits(Eid(8), 3) && state.awaits(Eid(20), 3));
    assert!(!state.awaits(Eid(21), 3) && !state.awaits(Eid(20), 2));
    state.ask(Eid(8), 3, &[0, 0x85, 1, 2, 20]);
    assert!(!state.awaits(Eid(20), 3), "reset, which names none");
    state.ask(Eid::NULL, 3, &[1, 0x85, 2]);
    assert_eq!(state.instance(3), None);
    assert!(state.awaits(Eid(8), 3), "whoever is there");
    state.ask(Eid::BROADCAST, 3, &[]);
    state.answered(3);
    assert!(state.awaits(Eid(10), 3), "many may answer");
}
