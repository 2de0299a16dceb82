//! Programs that answer for handlers: started when first asked, kept, ended
//! when they take too long, started again when they died. Each has a thread
//! that speaks with it, so that none can hold up the loop.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::handlers::exec::{Program, Question};
use crate::mailbox::Waker;

/// Longest line a program may write.
const MOST_LINE: u64 = 1 << 20;
/// Longest line of its standard error that is logged.
const MOST_SAID: u64 = 1 << 10;
/// How often a question is put to programs that die over it.
const TRIES: u32 = 2;

/// What comes from a process's threads.
enum Event {
    Line(String),
    Gone(String),
    Said(String),
}

/// A question that waits for its turn, or for its answer.
struct Asked {
    ticket: u64,
    question: Question,
    tries: u32,
}

struct Process {
    child: Child,
    questions: Sender<String>,
    number: u64,
}

impl Drop for Process {
    fn drop(&mut self) {
        // Its own children go with it.
        if let Some(group) =
            i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
        {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

#[derive(Default)]
struct Line {
    process: Option<Process>,
    queue: VecDeque<Asked>,
    /// Until when the first of the queue must be answered, once asked.
    until: Option<Instant>,
}

/// An answer: the ticket, and what was said or why nothing was.
pub type Answer = (u64, Result<String, String>);

/// All programs of a mailbox.
pub struct Programs {
    lines: BTreeMap<Program, Line>,
    events: Receiver<(u64, Event)>,
    sender: Sender<(u64, Event)>,
    waker: Waker,
    last: u64,
}

impl Programs {
    /// None yet.
    pub fn new(waker: Waker) -> Self {
        let (sender, events) = channel();
        Self { lines: BTreeMap::new(), events, sender, waker, last: 0 }
    }

    /// Asks a program. The answer comes with the ticket.
    pub fn ask(&mut self, question: Question) -> u64 {
        self.last += 1;
        let ticket = self.last;
        let line = self.lines.entry(question.program.clone()).or_default();
        line.queue.push_back(Asked { ticket, question, tries: 0 });
        // Whoever works finds it.
        self.waker.wake();
        ticket
    }

    /// Ends all processes; questions not answered yet are asked again.
    pub fn restart(&mut self) {
        self.lines.retain(|_, line| {
            line.process = None;
            line.until = None;
            !line.queue.is_empty()
        });
    }

    /// Nobody waits for an answer any more.
    pub fn forget(&mut self) {
        for line in self.lines.values_mut() {
            line.queue.clear();
            // What it may still say answers nothing.
            if line.until.take().is_some() {
                line.process = None;
            }
        }
    }

    /// When to look again without being woken.
    pub fn deadline(&self) -> Option<Instant> {
        self.lines.values().filter_map(|line| line.until).min()
    }

    /// Gathers answers and puts further questions. What programs wrote on
    /// their standard error comes beside.
    pub fn work(&mut self) -> (Vec<Answer>, Vec<String>) {
        let (mut answers, mut said) = (Vec::new(), Vec::new());
        while let Ok((number, event)) = self.events.try_recv() {
            let of = |line: &&mut Line| {
                line.process.as_ref().is_some_and(|p| p.number == number)
            };
            let found = self.lines.iter_mut().find_map(|(program, line)| {
                of(&&mut *line).then_some((program, line))
            });
            // What ended already has nothing to say.
            let Some((program, line)) = found else { continue };
            match event {
                Event::Said(text) => {
                    said.push(format!("{}: {text}", program.command.join(" ")));
                }
                Event::Line(text) if line.until.take().is_some() => {
                    if let Some(asked) = line.queue.pop_front() {
                        answers.push((asked.ticket, Ok(text)));
                    }
                }
                // It was given up already.
                Event::Line(_) => {}
                Event::Gone(reason) => {
                    line.process = None;
                    line.until = None;
                    line.give_up(reason, TRIES, &mut answers);
                }
            }
        }
        let now = Instant::now();
        for (program, line) in &mut self.lines {
            if line.until.is_some_and(|until| until <= now) {
                line.process = None;
                line.until = None;
                let reason = "said nothing in time, and was ended";
                line.give_up(reason.to_owned(), 0, &mut answers);
            }
            while line.until.is_none() && !line.queue.is_empty() {
                let started = line.put(program, &self.sender, &self.waker);
                if let Err(error) = started {
                    line.process = None;
                    let reason = format!("cannot be started: {error}");
                    line.give_up(reason, 0, &mut answers);
                }
            }
        }
        (answers, said)
    }
}

/// Numbers of processes, so that an earlier one's words are not taken for
/// a later one's.
static NUMBERS: std::sync::atomic::AtomicU64 =
    std::sync::atomic::AtomicU64::new(1);

impl Line {
    /// The first question gets no answer, unless it may be asked again.
    fn give_up(
        &mut self,
        reason: String,
        tries: u32,
        answers: &mut Vec<Answer>,
    ) {
        if self.queue.front().is_some_and(|asked| asked.tries >= tries)
            && let Some(asked) = self.queue.pop_front()
        {
            let name = asked.question.program.command.join(" ");
            answers.push((asked.ticket, Err(format!("{name} {reason}"))));
        }
    }

    /// Puts the first question, to a new process if there is none.
    fn put(
        &mut self,
        program: &Program,
        sender: &Sender<(u64, Event)>,
        waker: &Waker,
    ) -> io::Result<()> {
        let Some(asked) = self.queue.front_mut() else { return Ok(()) };
        asked.tries += 1;
        let process = match &mut self.process {
            Some(process) => process,
            none => none.insert(start(program, sender, waker)?),
        };
        // A thread that ended has said so, or will.
        let _ = process.questions.send(asked.question.line.clone());
        self.until = Instant::now().checked_add(asked.question.limit);
        Ok(())
    }
}

fn start(
    program: &Program,
    sender: &Sender<(u64, Event)>,
    waker: &Waker,
) -> io::Result<Process> {
    let mut words = program.command.iter();
    let first = words.next().map(String::as_str).unwrap_or_default();
    let mut command = match first.contains('/') {
        true => Command::new(std::path::absolute(program.folder.join(first))?),
        false => Command::new(first),
    };
    if program.folder.is_dir() {
        command.current_dir(&program.folder);
    }
    let mut child = command
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let number = NUMBERS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let tell = {
        let (sender, waker) = (sender.clone(), waker.clone());
        move |event| {
            // Nobody listens any more when the mailbox is closed.
            let _ = sender.send((number, event));
            waker.wake();
        }
    };
    if let Some(errors) = child.stderr.take() {
        let tell = tell.clone();
        thread::spawn(move || {
            let mut errors = BufReader::new(errors);
            while let Ok(Some(text)) = line(&mut errors, MOST_SAID) {
                tell(Event::Said(text));
            }
        });
    }
    let (questions, asked) = channel();
    let pipes = child.stdin.take().zip(child.stdout.take());
    let Some((input, output)) = pipes else {
        return Err(io::Error::other("it has no pipes"));
    };
    thread::spawn(move || {
        let gone = match speak(input, output, &asked, &tell) {
            Ok(()) => "ended without an answer".to_owned(),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                "ended without an answer".to_owned()
            }
            Err(error) => format!("cannot be asked: {error}"),
        };
        tell(Event::Gone(gone));
    });
    Ok(Process { child, questions, number })
}

/// Puts questions and reads answers until either side is gone.
fn speak(
    mut input: ChildStdin,
    output: ChildStdout,
    asked: &Receiver<String>,
    tell: &impl Fn(Event),
) -> io::Result<()> {
    let mut output = BufReader::new(output);
    while let Ok(question) = asked.recv() {
        input.write_all(question.as_bytes())?;
        input.write_all(b"\n")?;
        input.flush()?;
        match line(&mut output, MOST_LINE)? {
            Some(answer) => tell(Event::Line(answer)),
            None => return Ok(()),
        }
    }
    Ok(())
}

/// Reads a line; none at the end.
fn line(from: &mut impl BufRead, most: u64) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    from.take(most).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if u64::try_from(bytes.len()).is_ok_and(|len| len >= most) {
        return Err(io::Error::other(format!(
            "it wrote a line of more than {most} bytes"
        )));
    }
    Ok(Some(String::from_utf8_lossy(&bytes).trim().to_owned()))
}

/// How long until a point in time.
pub fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}
