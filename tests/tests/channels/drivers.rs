//! The guest's own drivers when the platform is late, silent or rude: the
//! moments at which a driver of their kind goes wrong. The outboxes of these
//! pairs are answered channels, so that the platform says when a packet is
//! complete and whether an interrupt tells of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use pccd_tests::peer::{
    Envelope, Peer, Request, Serving, extended, flag, generic,
};
use pccd_tests::{JOBS, Logs, each_of};
use pcclab::session::Session;

use crate::lab::{Kernel, guest, kernels, pass};
use crate::mctp::{MCTP, mctp_table};

/// What the control channel, the last one, is told. Each is answered.
mod code {
    /// Packets stay under way until [`GO`].
    pub const HOLD: u32 = 0x20;
    /// Those held are completed, `data[0]` hundredths of a second apart, each
    /// with an interrupt `data[1]` hundredths later; that of subspace `data[2]`
    /// without.
    pub const GO: u32 = 0x21;
    /// Answers how many are held.
    pub const HELD: u32 = 0x22;
    /// Sends to the inbox `data[0]` as many messages as `data[2]` says, of the
    /// kind `data[1]`, and waits until the device has taken them.
    pub const SEND: u32 = 0x23;
}

/// A message for inbox `id`: one for EID 8, what is wrong with it by `kind`, or
/// a long one that ends in its number.
fn unasked(id: u16, kind: u8, number: u8) -> Vec<u8> {
    let packet = [1, 8, 9, 0xc8, 0x7e, 0x55];
    let mut content = extended(id, MCTP, &packet);
    let mut length = |bytes: u32| {
        content[8..12].copy_from_slice(&bytes.to_le_bytes());
    };
    match kind {
        0 => {}
        1 => content[12] = b'm',
        2 => length(3),
        3 => length(4 + 8192),
        4 => length(u32::MAX),
        _ => {
            let mut data = vec![0xf1; 4000];
            data.push(number);
            content = extended(id, MCTP, &data);
        }
    }
    content
}

/// A message of a pair that is not whole yet: packets, and bytes of body.
#[derive(Default)]
struct Message {
    packets: u8,
    bytes: u16,
    sequence: u8,
}

struct Platform {
    control: u16,
    hold: bool,
    held: Vec<Request>,
    messages: BTreeMap<u16, Message>,
    inbox: std::path::PathBuf,
}

impl Platform {
    fn act(&mut self, peer: &mut Peer, request: &Request) -> Result<()> {
        if request.subspace == self.control {
            return self.obey(peer, request);
        }
        if self.hold {
            self.held.push(request.clone());
            return Ok(());
        }
        self.complete(peer, request, None)
    }

    fn obey(&mut self, peer: &mut Peer, request: &Request) -> Result<()> {
        let (code, data) = request.parts(false);
        let mut answer = Vec::new();
        match code & 0x7fff {
            code::HOLD => self.hold = true,
            code::GO => {
                self.hold = false;
                let hundredths = |at: usize| 10 * u32::from(data[at]);
                for packet in std::mem::take(&mut self.held) {
                    let gap = hundredths(0).into();
                    std::thread::sleep(Duration::from_millis(gap));
                    let id = packet.subspace;
                    let envelope = if id == u16::from(data[2]) {
                        let flags = flag::NO_INTERRUPT;
                        Envelope { flags, delay_ms: 0, subspace: id }
                    } else {
                        let delay_ms = hundredths(1);
                        Envelope { flags: 0, delay_ms, subspace: id }
                    };
                    self.complete(peer, &packet, Some(envelope))?;
                }
            }
            code::HELD => answer.push(u8::try_from(self.held.len())?),
            code::SEND => {
                let id = data[0].into();
                let envelope = Envelope { subspace: id, ..Envelope::default() };
                for number in 1..=data[2] {
                    let content = unasked(id, data[1], number);
                    peer.send(id, Some(envelope), &content)?;
                }
                let limit = Instant::now() + Duration::from_secs(5);
                while std::fs::read_dir(&self.inbox)?.next().is_some() {
                    ensure!(Instant::now() < limit, "nobody takes it");
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            other => bail!("the script says {other:#x}"),
        }
        let code = u16::try_from(code & 0x7fff)?;
        peer.reply(request, 1, None, &generic(request.subspace, code, &answer))
    }

    /// Ends the command. Answers a message of MCTP when it is whole, with how many
    /// packets it had and how many bytes behind the type. Who sent what was
    /// held waits no more: Linux gives the tag to somebody else after 6 s.
    fn complete(
        &mut self,
        peer: &mut Peer,
        request: &Request,
        envelope: Option<Envelope>,
    ) -> Result<()> {
        let outbox = request.subspace;
        let late = envelope.is_some();
        let (command, packet) = request.parts(true);
        if command != MCTP {
            // It was pcc-client.
            let complement: Vec<_> = packet.iter().map(|b| !b).collect();
            let content = extended(outbox, command, &complement);
            return peer.reply(request, 1, envelope, &content);
        }
        peer.reply(request, 1, envelope, &request.content)?;
        let [_, to, from, flags, body @ ..] = packet else {
            bail!("{packet:02x?} is no packet");
        };
        let message = self.messages.entry(outbox).or_default();
        let sequence = flags >> 4 & 3;
        if flags & 0x80 != 0 {
            *message = Message { sequence, ..Message::default() };
        }
        ensure!(sequence == message.sequence, "a packet is missing");
        message.sequence = (sequence + 1) & 3;
        message.packets += 1;
        message.bytes += u16::try_from(body.len())?;
        if flags & 0x40 == 0 || late {
            return Ok(());
        }
        let mut answer = vec![1, *from, *to, 0xc0 | flags & 7, 0x7e];
        answer.push(message.packets);
        answer.extend((message.bytes - 1).to_be_bytes());
        let inbox = outbox + 1;
        peer.send(inbox, None, &extended(inbox, MCTP, &answer))
    }
}

fn platform(mailbox: &Path, control: u16) -> Serving {
    let mut platform = Platform {
        control,
        hold: false,
        held: Vec::new(),
        messages: BTreeMap::new(),
        inbox: mailbox.join("inbox"),
    };
    let peer = Peer::open(mailbox).unwrap();
    peer.serve(move |peer, request| {
        platform
            .act(peer, request)
            .with_context(|| format!("subspace {}", request.subspace))
    })
}

/// What the scripts begin with. `$control` is the control channel.
const WORDS: &str = r##"
    . /tests/lib.sh
    pcc_control $control bind

    # tell CODE [DATA]: the platform
    tell() {
        tell_line=$(pcc $control timeout=10000 "$@")
        holds "$tell_line" result=ok
    }

    # pair N: the interface of subspaces 2N and 2N+1, its EID 10N+8, theirs
    # 10N+9
    pair() {
        mctp link mctppcc$((2 * $1 + 1)) up
        mctp address add $((10 * $1 + 8)) dev mctppcc$((2 * $1 + 1))
        mctp route add $((10 * $1 + 9)) dev mctppcc$((2 * $1 + 1))
    }

    # ask N [BYTES]: sends so many, behind the type, over pair N; the answer
    # says in how many packets they came
    ask() {
        ask_bytes=${2:-1}
        mctp request --eid $((10 * $1 + 9)) --type 0x7e --timeout-ms 10000 \
            --expect "$(printf '%02x%04x' $(((ask_bytes + 64) / 64)) $ask_bytes)" \
            "$(printf "%0$((2 * ask_bytes))d" 0)"
    }

    # cast N: sends a packet over pair N that nobody answers
    cast() {
        mctp request --eid $((10 * $1 + 9)) --type 0x7e --timeout-ms 0 00 >/dev/null
        [ $? -eq 1 ]
    }

    # stat N NAME
    stat() { cat /sys/class/net/mctppcc$((2 * $1 + 1))/$2; }

    # blocked PID: until it waits in the kernel; fails when it ends
    blocked() {
        while [ -e /proc/$1/stat ]; do
            case $(cat /proc/$1/stat) in
            *') D '*) return ;;
            *') Z '*) break ;;
            esac
            usleep 1000
        done
        echo "# process $1 did not wait"
        return 1
    }

    # until_held N: so many packets are under way
    until_held() {
        tries=200
        while [ $((tries -= 1)) -ge 0 ]; do
            tell 0x22 00 && holds "$tell_line" data=$(printf %02x $1) && return
            usleep 20000
        done >/dev/null
        echo "# the platform holds: $tell_line"
        return 1
    }

    # overdue N: until the network core complains of it
    overdue() {
        tries=300
        while [ $((tries -= 1)) -ge 0 ]; do
            [ "$(stat $1 queues/tx-0/tx_timeout)" -ge 1 ] && return
            usleep 50000
        done
        echo "# pair $1: no time-out"
        return 1
    }

    # same WHAT EXPECTED GOT
    same() {
        [ "$2" = "$3" ] && return
        echo "# $1: expected $2, got $3"
        return 1
    }
"##;

/// How many pairs of MCTP a guest has, and what it does.
type Case = (u16, &'static str);

/// Runs it on each of the kernels.
fn drivers(kernels: &[Kernel], (pairs, script): Case) {
    let control = 2 * pairs;
    let script = format!("control={control}\n{WORDS}\n{script}\nend");
    let mut devices = Vec::new();
    for pair in 0..pairs {
        devices.push(format!("pcc-type3,id=out{pair},size=8192"));
        devices.push(format!("pcc-type4,paired=out{pair},size=8192"));
    }
    devices.push("pcc-type2,size=256".to_owned());
    let outboxes: Vec<_> = (0..pairs).map(|pair| 2 * pair).collect();
    each_of(JOBS, kernels, |&kernel| {
        let logs = Logs::new();
        let mut config =
            guest(&logs, kernel, "pcc=bare,gic-version=3", &devices, &script);
        let table = mctp_table(logs.path(), &outboxes);
        let table = format!("file={table}");
        config.qemu_args.extend(["-acpitable".into(), table.into()]);
        config.lab.modules.push(kernel.built("MODULE"));
        config.limit *= if kernel == Kernel::Debug { 5 } else { 1 };
        let session = Session::start(config).unwrap();
        let peer = platform(&session.mailbox(), control);
        pass(&format!("{kernel:?}"), session);
        peer.stop().unwrap();
    });
}

/// A platform that is slow loses no packet, nor does its interrupt that is
/// late; only what has no interrupt at all is an error.
#[test]
fn a_slow_platform_and_a_late_interrupt_lose_nothing() {
    drivers(kernels(), SLOW);
}

const SLOW: Case = (
    7,
    r##"
    plan 4
    step 'the links come up'
    status=0
    for n in 0 1 2 3 4 5 6; do pair $n && ask $n || status=1; done
    result $status

    # The next packets wait for the first, until the platform is through.
    step 'packets are overdue'
    tell 0x20
    status=$?
    for n in 0 1 2 3 4 5 6; do cast $n || status=1; done
    for n in 0 1 2 3 4 5 6; do overdue $n || status=1; done
    # Time for who takes the carrier away to have done it: the network
    # core waits up to a second until it acts.
    usleep 1500000
    for n in 0 1 2 3 4 5 6; do
        ask $n 300 >/tmp/more$n 2>&1 & eval more$n=$!
    done
    result $status

    # 500 ms lie between completion and interrupt: who looks once a second
    # looks in between for some of the six. Pair 6 gets no interrupt.
    step 'they are completed, and the interrupts come later, or never'
    tell 0x21 0f320c
    status=$?
    for n in 0 1 2 3 4 5 6; do
        eval wait \$more$n || { status=1; cat /tmp/more$n; }
    done
    result $status

    step 'nothing was lost, and everything counted'
    status=0
    for n in 0 1 2 3 4 5 6; do
        lost=$((n == 6))
        same "packets of $n" $((7 - lost)) "$(stat $n statistics/tx_packets)" ||
            status=1
        same "tx_errors of $n" $lost "$(stat $n statistics/tx_errors)" || status=1
        for name in tx_dropped rx_errors rx_dropped; do
            same "$name of $n" 0 "$(stat $n statistics/$name)" || status=1
        done
        same "carrier of $n" 0 "$(stat $n carrier_down_count)" || status=1
    done
    result $status
    "##,
);

/// What was under way when the link went down is over when it comes up again,
/// whatever the platform did in between.
#[test]
fn a_link_goes_down_while_something_is_under_way() {
    drivers(kernels(), LINK);
}

const LINK: Case = (
    1,
    r##"
    link() { mctp link mctppcc1 $1; }
    plan 5
    pair 0

    step 'completed while the link is down'
    ask 0 && tell 0x20 && cast 0 && until_held 1 && link down &&
        tell 0x21 0000ff && link up && ask 0 &&
        same dropped 1 "$(stat 0 statistics/tx_dropped)"
    result $?

    step 'completed after the link came up again'
    tell 0x20 && cast 0 && until_held 1 && link down && link up
    status=$?
    ask 0 300 >/tmp/more 2>&1 & more=$!
    tell 0x21 0000ff && wait $more
    status=$((status + $?))
    cat /tmp/more
    result $status

    step 'a message comes while the link is down'
    link down && tell 0x23 010001 && link up && ask 0
    result $?

    step 'down and up while messages come'
    status=0
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        tell 0x23 010003 & sender=$!
        link down && link up && wait $sender && ask 0 || status=1
    done
    result $status

    step 'nothing was lost'
    same tx_errors 0 "$(stat 0 statistics/tx_errors)" &&
        same rx_errors 0 "$(stat 0 statistics/rx_errors)" &&
        same carrier 0 "$(stat 0 carrier_down_count)"
    result $?
    "##,
);

/// Packets that are wrong are errors, not for want of memory.
#[test]
fn bad_packets_are_counted_as_errors() {
    drivers(kernels(), BAD);
}

const BAD: Case = (
    1,
    r##"
    # counted NAME COUNT
    counted() { same $1 $2 "$(stat 0 statistics/$1)"; }
    plan 2
    pair 0

    step 'another command, too short, too long twice'
    ask 0 && tell 0x23 010101 && tell 0x23 010201 && tell 0x23 010301 &&
        tell 0x23 010401 && ask 0
    result $?

    step 'each is an error'
    counted rx_errors 4 && counted rx_length_errors 3 &&
        counted rx_frame_errors 1 && counted rx_dropped 0 && counted rx_packets 2
    result $?
    "##,
);

/// Who shares an open file gets lines that are whole, each message once.
#[test]
fn an_open_file_has_many_users() {
    drivers(kernels(), FILE);
}

const FILE: Case = (
    1,
    r##"
    plan 3
    messages=$pcc_clients/1/messages
    pcc_control 0 bind && pcc_control 1 bind && pcc 0 0x01 00

    step 'one file of messages, four readers'
    tell 0x23 0105c8 && pcc_wait 1 messages 200
    status=$?
    exec 4<$messages
    for reader in 1 2 3 4; do
        dd bs=65536 <&4 >/tmp/reader$reader 2>/dev/null &
        readers="$readers $!"
    done
    wait $readers
    exec 4<&-
    result $status

    step 'each message came once'
    # Header, data and the message's number
    length=$((54 + 2 * 4001))
    awk '{ print length, substr($0, length - 1) }' /tmp/reader? | sort >/tmp/came
    for number in $(seq 200); do printf "$length %02x\n" $number; done >/tmp/sent
    cmp /tmp/sent /tmp/came
    result $?

    step 'one file of commands, three users'
    exec 4<>$pcc_clients/0/send
    user() {
        for _ in $(seq 50); do
            echo "timeout=5000 0x01 $2" >&4 && dd bs=65536 count=1 <&4 2>/dev/null
        done >/tmp/user$1
    }
    user 1 aa & users=$!
    user 2 aabb & users="$users $!"
    user 3 $(printf '%04000d' 0) & users="$users $!"
    wait $users
    exec 4<&-
    cat /tmp/user? | grep -v '^result=ok .* data=55$' | grep -v ' data=5544$' |
        grep -v ' data=f*$' >/tmp/strange
    cut -c 1-200 /tmp/strange | head -n 3
    [ ! -s /tmp/strange ] && grep -q data=55 /tmp/user?
    result $?
    "##,
);

/// Who waits for a channel can be killed; who has it makes way for an unbind.
#[test]
fn a_command_under_way_can_be_left() {
    drivers(kernels(), LEAVE);
}

const LEAVE: Case = (
    1,
    r##"
    plan 4
    memory=$pcc_clients/0/memory
    pcc_control 0 bind

    step 'killed while another has the channel'
    tell 0x20
    status=$?
    pcc 0 timeout=30000 0x01 c0ffee >/tmp/first & first=$!
    until_held 1 || status=1
    dd if=$memory of=/dev/null bs=19 count=1 2>/dev/null & killed=$!
    blocked $killed && kill -9 $killed || status=1
    wait $killed
    result $status

    # It waits for the first command, and sees the answer of that.
    step 'the next one waits'
    dd if=$memory of=/tmp/memory bs=19 count=1 2>/dev/null & next=$!
    blocked $next && tell 0x21 0000ff && wait $first $next &&
        holds "$(cat /tmp/first)" result=ok data=3f0011 &&
        same memory 3f0011 "$(tail -c 3 /tmp/memory | hexdump -v -e '1/1 "%02x"')"
    result $?

    step 'unbound with a command under way'
    tell 0x20
    status=$?
    pcc 0 timeout=600000 0x01 c0ffee >/tmp/first 2>&1 & first=$!
    until_held 1 && pcc_control 0 unbind || status=1
    wait $first
    grep 'Operation canceled' /tmp/first && tell 0x21 0000ff &&
        pcc_control 0 bind && holds "$(pcc 0 0x01 55)" result=ok data=aa
    result $((status + $?))

    step 'the driver unbound with a command under way'
    tell 0x20
    status=$?
    pcc 0 wait=poll timeout=600000 0x01 c0ffee >/tmp/first 2>&1 & first=$!
    until_held 1 || status=1
    echo PCCD0001:00 >/sys/bus/platform/drivers/pcc-client/unbind || status=1
    wait $first
    grep 'Operation canceled' /tmp/first && [ ! -e $memory ]
    result $((status + $?))
    "##,
);

/// The same under KASAN, lockdep and their like.
#[test]
#[ignore = "slow: make test-long"]
fn the_debug_kernel_finds_nothing_in_the_drivers() {
    for case in [SLOW, LINK, BAD, FILE, LEAVE] {
        drivers(&[Kernel::Debug], case);
    }
}
