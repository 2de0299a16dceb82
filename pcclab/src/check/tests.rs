use super::*;

const PLATFORM: &str = r#"{
  "description": "a fan",
  "driver": "acme-fan",
  "channels": [
    { "name": "fan", "plays": "acme-fan", "device": { "subspace-type": 2, "size": 64 } },
    { "name": "spare", "modes": ["poll"], "plays": "acme-fan", "device": { "subspace-type": 2 } }
  ],
  "asl": "fan.asl",
  "modules": ["pcc-client"],
  "drivers": ["acme-fan"],
  "needs": { "ACME_FAN": "/sys/bus/platform/drivers/acme-fan" },
  "test": "test.sh",
  "asked": ["apply level=2"],
  "on": { "6.12": { "smp": 1, "because": "a race" } },
  "accepts": { "doorbell-busy": "the firmware wants it" },
  "defects": [ { "file": "fan.json", "from": "900", "to": "901" } ],
  "search": {
    "actions": { "rpm": "read -r x </sys/fan", "both": "{ echo a >&3; read -r x <&3; } 3<>/sys/fan" },
    "alive": "soon brings /sys/fan '9*'; exit $?",
    "modules": ["acme_fan"], "functions": ["fan_*"]
  }
}
"#;

const HANDLERS: &str = r#"{ "channels": [ {
  "name": "acme-fan",
  "registers": { "level": { "offset": 0, "width": 8 } },
  "commands": [ { "name": "apply", "code": 1, "set": { "level": "{{ [0, 900 // 100] | length }}" } } ]
} ] }
"#;

const ASL: &str = "DefinitionBlock (\"\", \"SSDT\", 2, \"PCCD\", \"FAN\", 1)
{
  // CHANNEL_NAME is not a channel.
  Device (\\_SB.FANS)
  {
    Name (_HID, \"PCCD0001\")
    Name (_UID, CHANNEL_FAN)
#ifdef MODE_POLL
    Name (SPAR, CHANNEL_SPARE)
#endif
  }
}
";

const TEST: &str = "#!/bin/sh
. /tests/platform.sh
plan 1
step 'it turns'
asked apply level=2
holds \"$(pcc \"$CHANNEL_FAN\" 1 02)\" result=ok
result $?
end
";

const FILES: [(&str, &str); 4] = [
    ("platform.json", PLATFORM),
    ("fan.json", HANDLERS),
    ("fan.asl", ASL),
    ("test.sh", TEST),
];

fn fan(root: &Path) -> String {
    let folder = root.join("fan");
    std::fs::create_dir(&folder).unwrap();
    for (name, text) in FILES {
        std::fs::write(folder.join(name), text).unwrap();
    }
    folder.display().to_string()
}

/// What is said of a platform with this changed, a line each.
fn changed(changes: &[(&str, &str, &str)]) -> (Vec<String>, Report) {
    let root = tempfile::tempdir().unwrap();
    let folder = fan(root.path());
    for (file, from, to) in changes {
        let path = Path::new(&folder).join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{file}: {from}");
        std::fs::write(&path, text.replace(from, to)).unwrap();
    }
    let report = check(&folder, &Options::default()).unwrap();
    let lines = report
        .mistakes
        .iter()
        .map(|it| {
            let file = Path::new(&it.file).file_name().unwrap();
            let mut line = format!(
                "{}:{}: {}",
                file.to_str().unwrap(),
                it.line,
                it.message
            );
            if let Some(meant) = &it.suggestion {
                line.push_str(&format!(" ({meant}?)"));
            }
            line
        })
        .collect();
    (lines, report)
}

#[test]
fn a_right_platform_is_right() {
    let (lines, report) = changed(&[]);
    assert_eq!(lines, Vec::<String>::new());
    assert_eq!(report.notes, Vec::<String>::new());
    assert_eq!(report.unseen.len(), 1, "no QEMU: {:?}", report.unseen);
    assert!(text(&report).ends_with("fan: all right\n"));
}

#[test]
fn each_mistake_has_its_place() {
    let cases: &[(&str, &str, &str, &str)] = &[
        (
            "platform.json",
            "\"rpm\": \"read",
            "\"r'm\": \"read",
            "platform.json:18: an action cannot be called \"r'm\"",
        ),
        (
            "platform.json",
            "\"read -r x </sys/fan\"",
            "\" \"",
            "platform.json:18: the text is empty",
        ),
        (
            "platform.json",
            "\"read -r x </sys/fan\"",
            "\"[ -e /sys/fan ] || exit\"",
            "platform.json:18: this would end the script that does all actions",
        ),
        ("platform.json", "'9*'; exit $?", "'9*", "platform.json:19: "),
        (
            "platform.json",
            "[\"acme_fan\"], ",
            "[\"acme-fan\"], ",
            "platform.json:20: no module is called \"acme-fan\"",
        ),
        (
            "platform.json",
            "\"fan_*\"",
            "\"*\"",
            "platform.json:20: \"*\" fits no function's name",
        ),
        (
            "platform.json",
            "\"fan\", \"plays\": \"acme-fan\"",
            "\"fan\", \"plays\": \"acme-fna\"",
            "platform.json:5: there is no channel `acme-fna` in the handler \
             files (acme-fan?)",
        ),
        (
            "platform.json",
            "\"name\": \"spare\"",
            "\"name\": \"my spare\"",
            "platform.json:6: a channel cannot be called \"my spare\"",
        ),
        (
            "platform.json",
            "\"name\": \"spare\"",
            "\"name\": \"FAN\"",
            "platform.json:6: there is a channel `FAN` in mode poll already",
        ),
        (
            "platform.json",
            "\"size\": 64",
            "\"size\": [64]",
            "platform.json:5: [64] is neither a number nor text",
        ),
        (
            "platform.json",
            "\"size\": 64",
            "\"subspace\": 1",
            "platform.json:5: `subspace` is not for platforms to say",
        ),
        (
            "platform.json",
            "\"size\": 64",
            "\"content\": \"/tmp/fan\"",
            "platform.json:5: `content` is not for platforms to say",
        ),
        (
            "platform.json",
            "\"size\": 64 }",
            "\"size\": 10 }, \"content\": [\"00 01\", \"02\"]",
            "platform.json:5: 11 bytes with the header of 8, `size` is 10",
        ),
        (
            "platform.json",
            "\"size\": 64 }",
            "\"size\": 64 }, \"content\": [\"00 1\"]",
            "platform.json:5: 3 hexadecimal digits, two a byte, are wanted",
        ),
        (
            "platform.json",
            "\"size\": 64",
            "\"driver\": \"pcc-chanel\"",
            "platform.json:5: there is no device \"pcc-chanel\" (pcc-channel?)",
        ),
        ("platform.json", "fan.asl", "fna.asl", "platform.json:8: "),
        (
            "platform.json",
            "pcc-client",
            "pcc-clinet",
            "platform.json:9: guest-scripts has no driver `pcc-clinet` \
             (pcc-client?)",
        ),
        (
            "platform.json",
            "[\"acme-fan\"]",
            "[\"acme-fan.ko\"]",
            "platform.json:10: `acme-fan.ko` is no name of a module \
             (acme-fan?)",
        ),
        (
            "platform.json",
            "\"ACME_FAN\"",
            "\"CONFIG_ACME_FAN\"",
            "platform.json:11: `CONFIG_ACME_FAN` is no name of a kernel option \
             here (ACME_FAN?)",
        ),
        (
            "platform.json",
            "\"/sys/bus",
            "\"sys/bus",
            "platform.json:11: `sys/bus/platform/drivers/acme-fan` is no path",
        ),
        ("platform.json", "test.sh", "tset.sh", "platform.json:12: "),
        (
            "platform.json",
            "apply level=2",
            "aply level=2",
            "platform.json:13: the handler files have no command `aply` \
             (apply?)",
        ),
        (
            "platform.json",
            "apply level=2",
            "apply level",
            "platform.json:13: \"level\" is neither NAME=VALUE",
        ),
        (
            "platform.json",
            "\"a race\"",
            "\" \"",
            "platform.json:14: nothing says why",
        ),
        (
            "platform.json",
            "\"smp\": 1",
            "\"lacks\": \"CONFIG_PCC\"",
            "platform.json:14: `CONFIG_PCC` is no name of a kernel option here \
             (PCC?)",
        ),
        (
            "platform.json",
            "\"smp\": 1",
            "\"accepts\": { \"rate\": \"\" }",
            "platform.json:14: nothing says why `rate` is accepted",
        ),
        (
            "platform.json",
            "the firmware wants it",
            "",
            "platform.json:15: nothing says why `doorbell-busy` is accepted",
        ),
        (
            "platform.json",
            "doorbell-busy",
            "doorbel-busy",
            "platform.json:15: there is no rule `doorbel-busy` \
             (doorbell-busy?)",
        ),
        (
            "platform.json",
            "\"smp\": 1",
            "\"accepts\": { \"length-heder\": \"a\" }",
            "platform.json:14: there is no rule `length-heder` \
             (length-header?)",
        ),
        (
            "platform.json",
            "apply level=2",
            "apply levl=2",
            "platform.json:13: the request of `apply` has no `levl` (level?)",
        ),
        (
            "platform.json",
            "apply level=2",
            "apply acme-fan.level=2 pcc.command=1 fan.level->2",
            "platform.json:13: the answer to `apply` has no `fan.level`",
        ),
        (
            "platform.json",
            "apply level=2",
            "endpoint control.comand=2",
            "platform.json:13: the request of `endpoint` has no \
             `control.comand` (control.command?)",
        ),
        (
            "platform.json",
            "apply level=2",
            "endpoint control.command=2 control.completion_code->0 length=9",
            "",
        ),
        (
            "fan.json",
            "{ \"offset\": 0, \"width\": 8 }",
            "{ \"offset\": 5000, \"bytes\": 18 }",
            "platform.json:6: the register `level` of `acme-fan` ends at byte \
             5026 with the header of 8, `size` is 4096",
        ),
        (
            "fan.json",
            "{ \"offset\": 0, \"width\": 8 }",
            "{ \"offset\": 55, \"width\": 8 }",
            "",
        ),
        (
            "fan.json",
            "\"code\": 1",
            "\"code\": { \"any\": [256, { \"range\": { \"from\": 300 } }] }",
            "platform.json:6: `acme-fan` on a channel of type 2: the command \
             `apply` never comes: its code is at least 0x100, the largest is \
             0xff",
        ),
        (
            "fan.json",
            "\"code\": 1",
            "\"code\": { \"range\": { \"to\": 256 } }",
            "",
        ),
        (
            "fan.json",
            "\"code\": 1",
            "\"code\": 1, \"when\": { \"pcc.length\": 4 }",
            "platform.json:6: `acme-fan` on a channel of type 2: the command \
             `apply` looks at `length`: there is none",
        ),
        (
            "platform.json",
            "\"asked\": ",
            "\"latency\": [{\"channel\": \"spar\", \"to\": \"next\", \
             \"below\": \"1 s\"}], \"asked\": ",
            "platform.json:13: no channel `spar` (spare?)",
        ),
        (
            "platform.json",
            "\"asked\": ",
            "\"latency\": [{\"channel\": \"fan\", \"to\": \"next\", \
             \"below\": \"5 latencies\"}], \"asked\": ",
            "platform.json:13: the channel has no `latency-us`",
        ),
        ("platform.json", "\"from\": \"900\"", "\"from\": \"9\"", ""),
        (
            "platform.json",
            "\"from\": \"900\"",
            "\"from\": \"901\"",
            "platform.json:16: this stands in ",
        ),
        (
            "platform.json",
            "\"to\": \"901\"",
            "\"to\": \"900\"",
            "platform.json:16: `from` and `to` are the same",
        ),
        (
            "platform.json",
            "\"file\": \"fan.json\"",
            "\"file\": \"fna.json\"",
            "platform.json:16: ",
        ),
        (
            "platform.json",
            "\"driver\":",
            "\"messages\": [\"../fna\"], \"driver\":",
            "platform.json:3: ",
        ),
        (
            "fan.json",
            "\"offset\"",
            "\"ofset\"",
            "fan.json:3: unknown field `ofset` (offset?)",
        ),
        (
            "fan.asl",
            "CHANNEL_FAN)",
            "CHANNEL_FNA)",
            "fan.asl:7: there is no CHANNEL_FNA in mode irq (CHANNEL_FAN?)",
        ),
        ("fan.asl", "#ifdef MODE_POLL", "#ifdef MODE_PULL", ""),
        (
            "fan.asl",
            "MODE_POLL\n    Name (SPAR, CHANNEL_SPARE)",
            "MODE_PULL\n    Name (SPAR, CHANNEL_SPAR)",
            "fan.asl:9: no channel of platform.json makes CHANNEL_SPAR \
             (CHANNEL_SPARE?)",
        ),
        ("fan.asl", "Name (_UID", "Nam (_UID", "fan.asl:7: "),
        (
            "fan.asl",
            "PCCD0001",
            "ACME0001",
            "platform.json:9: pcc-client has no device to bind to",
        ),
        (
            "test.sh",
            "\"$CHANNEL_FAN\"",
            "\"$CHANNEL_FNA\"",
            "test.sh:6: no channel of platform.json makes CHANNEL_FNA \
             (CHANNEL_FAN?)",
        ),
        (
            "test.sh",
            "asked apply",
            "asked aply",
            "test.sh:5: the handler files have no command `aply` (apply?)",
        ),
        ("test.sh", "level=2", "level=$x 'levle->3'", ""),
        (
            "test.sh",
            "level=2",
            "level=2 'levle->3' && x",
            "test.sh:5: the answer to `apply` has no `levle` (level?)",
        ),
        ("test.sh", "plan 1", "plan 2", "test.sh:3: the plan is 2, but 1"),
        (
            "test.sh",
            ". /tests/platform.sh\n",
            "",
            "test.sh:2: `plan` is a word of /tests/platform.sh",
        ),
        ("test.sh", "result $?\n", "result $?\n)\n", "test.sh:8: "),
    ];
    for (file, from, to, expected) in cases {
        let (lines, _) = changed(&[(file, from, to)]);
        match expected {
            &"" => assert_eq!(lines, Vec::<String>::new(), "{to}"),
            // The ASL may miss the channel, too.
            expected => assert!(
                lines.len() <= 2
                    && lines.iter().any(|it| it.starts_with(expected)),
                "{expected}: {lines:#?}"
            ),
        }
    }
}

#[test]
fn registers_lie_in_the_memory_of_who_plays_them() {
    let (lines, _) = changed(&[
        ("fan.json", "\"offset\": 0", "\"offset\": 60"),
        (
            "platform.json",
            "\"plays\": \"acme-fan\", \"device\": { \"subspace-type\": 2 }",
            "\"device\": {}",
        ),
        ("platform.json", "\"modes\": [\"poll\"]", "\"modes\": []"),
    ]);
    let expected = "platform.json:5: the register `level` of `acme-fan` ends \
                    at byte 69 with the header of 8, `size` is 64";
    assert!(lines.iter().any(|it| it == expected), "{lines:#?}");
}

#[test]
fn a_promise_has_several_mistakes() {
    let (lines, _) = changed(&[(
        "platform.json",
        "\"asked\": ",
        "\"latency\": [{\"channel\": \"fan\",\n\"to\": \"doorbell\",\n\
         \"percentile\": 200,\n\"below\": \"5 hours\"}], \"asked\": ",
    )]);
    assert_eq!(
        lines,
        [
            "platform.json:15: 200 is no part of a hundred: 1 to 100",
            "platform.json:14: from doorbell to doorbell nothing takes time",
            "platform.json:16: `hours` is no unit: us, ms, s or latencies",
        ]
    );
}

#[test]
fn mistakes_in_several_files_are_said_at_once() {
    let (lines, report) = changed(&[
        (
            "platform.json",
            "\"plays\": \"acme-fan\", \"device\": { \"subspace-type\": 2, \"size\": 64 }",
            "\"plays\": \"fan\", \"device\": { \"subspace-type\": 2 }",
        ),
        ("platform.json", "[\"pcc-client\"]", "[\"pcc-clinet\"]"),
        ("fan.asl", "CHANNEL_FAN)", "CHANNEL_FUN)"),
        ("test.sh", "asked apply", "asked reply"),
    ]);
    assert_eq!(lines.len(), 4, "{lines:#?}");
    let text = text(&report);
    assert!(text.contains("fan.asl:7:"), "{text}");
    assert!(text.contains("expected CHANNEL_FAN = 0"), "{text}");
    assert!(text.ends_with("fan: 4 mistakes\n"), "{text}");
}

#[test]
fn what_is_remarkable_is_noted() {
    let cases = [
        (
            "platform.json",
            "\"plays\": \"acme-fan\", \"device\": { \"subspace-type\": 2 }",
            "\"device\": { \"subspace-type\": 2 }",
            "nothing answers channel `spare`",
        ),
        (
            "fan.json",
            "{ \"channels\": [ {",
            "{ \"channels\": [ { \"name\": \"b\", \"registers\": {}, \
             \"commands\": [] }, {",
            "nothing plays channel `b`",
        ),
        (
            "platform.json",
            "\"modules\": [\"pcc-client\"],",
            "",
            "the ASL has the device of pcc-client",
        ),
        (
            "fan.json",
            "{ \"offset\": 0, \"width\": 8 }",
            "{ \"offset\": 56, \"width\": 8 }",
            "channel `fan`: the register `level` of `acme-fan` ends at byte 65",
        ),
        ("platform.json", "\"test\": \"test.sh\",", "", "there is no `test`"),
        ("platform.json", "\"smp\": 1,", "", "`on` \"6.12\" changes nothing"),
        (
            "platform.json",
            "\"driver\": \"acme-fan\",",
            "\"driver\": \"acme-fan\", \"modes\": [\"irq\"],",
            "channel `spare` is there in a mode",
        ),
    ];
    for (file, from, to, expected) in cases {
        let (_, report) = changed(&[(file, from, to)]);
        let found = report.notes.iter().any(|it| it.starts_with(expected));
        assert!(found, "{expected}: {:#?}", report.notes);
    }
}

#[test]
fn parts_are_looked_up() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("all");
    std::fs::create_dir(&folder).unwrap();
    let cases = [
        (r#""of": ["cppc", "mctp"], "modes": ["irq"]"#, ""),
        (r#""of": ["cpcp"]"#, "there is no platform cpcp"),
        (r#""of": ["all-irq"]"#, "all-irq is made of others itself"),
        (r#""of": ["cppc"], "test": "test.sh""#, "`test` does nothing"),
        (r#""of": ["cppc", "mctp"]"#, "cppc, mctp: there is no mode poll"),
    ];
    for (keys, expected) in cases {
        let text =
            format!("{{ \"description\": \"\", \"driver\": \"\", {keys} }}");
        std::fs::write(folder.join("platform.json"), text).unwrap();
        let name = folder.display().to_string();
        let report = check(&name, &Options::default()).unwrap();
        let said: Vec<_> =
            report.mistakes.iter().map(|it| it.message.as_str()).collect();
        match expected {
            "" => assert_eq!(said, Vec::<&str>::new()),
            _ => assert!(
                said.len() == 1 && said[0].starts_with(expected),
                "{said:?}"
            ),
        }
    }
}

#[test]
fn a_kernel_is_looked_into() {
    let root = tempfile::tempdir().unwrap();
    let name = fan(root.path());
    let kernel = root.path().join("kernel");
    std::fs::create_dir(&kernel).unwrap();
    // An arm64 PE header, as crate::kernel wants it.
    let mut image = vec![0; 128];
    image[..2].copy_from_slice(b"MZ");
    image[60] = 64;
    image[64..70].copy_from_slice(&[b'P', b'E', 0, 0, 0x64, 0xaa]);
    std::fs::write(kernel.join("Image"), image).unwrap();
    let options = || Options {
        kernel: Some(Kernel::at(&kernel).unwrap()),
        ..Options::default()
    };
    let report = check(&name, &options()).unwrap();
    assert!(report.mistakes.is_empty());
    assert_eq!(report.unseen.len(), 3, "{:?}", report.unseen);
    std::fs::write(kernel.join("config"), "CONFIG_ACPI=y\n").unwrap();
    std::fs::write(kernel.join("modules.order"), "").unwrap();
    std::fs::write(kernel.join("modules.builtin"), "").unwrap();
    let report = check(&name, &options()).unwrap();
    let said: Vec<_> = report.mistakes.iter().map(|it| &it.message).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].ends_with("has no CONFIG_ACME_FAN"), "{said:?}");
    assert!(report.notes[0].contains("has no module `acme-fan`"));
    let config = "CONFIG_ACPI=y\nCONFIG_ACME_FAN=m\n";
    std::fs::write(kernel.join("config"), config).unwrap();
    assert!(check(&name, &options()).unwrap().mistakes.is_empty());
}

#[test]
fn what_is_not_there_is_no_mistake_but_trouble() {
    for name in ["no-such-platform", "/nonexistent/platform"] {
        let error = check(name, &Options::default()).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn every_platform_here_has_no_mistakes() {
    let options = Options { qemu: qemu(), kernel: None };
    for name in platform::names().unwrap() {
        let report = check(&name, &options).unwrap();
        assert!(report.mistakes.is_empty(), "{}", text(&report));
    }
}
