//! Programs that answer for handlers: started when first asked, kept, ended
//! when they take too long, started again when they died. Each has threads
//! that speak with it, so that none can hold up the loop.
//!
//! A question carries an `id`, and only a line with it is the answer:
//! whatever else a program writes shifts no answer to a later question.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;

use crate::handlers::exec::{Program, Question, shortened};
use crate::script::problem::Wrong;
use crate::wake::Waker;

/// Longest line a program may write.
const MOST_LINE: u64 = 1 << 20;
/// Longer lines of its standard error are cut into such pieces.
const MOST_SAID: u64 = 1 << 10;
/// Most lines of its standard error that are logged for a question.
const MOST_NOTES: u32 = 100;
/// Most lines it may write for a question that do not answer it.
const MOST_STRAY: u32 = 1000;
const ORDER: Ordering = Ordering::SeqCst;
/// How often a question is put to programs that die over it.
const TRIES: u32 = 2;

/// What comes from a process's threads.
enum Event {
    /// The answer to the question with this id.
    Answer(u64, String),
    /// It ended, or is of no use any more.
    Gone(String),
    /// A line of its standard error, or what is to be said of it.
    Note(String),
    /// The first line since the last question that answers nothing.
    Stray(String),
}

/// A question that waits for its turn, or for its answer.
struct Waiting {
    id: u64,
    question: Question,
    tries: u32,
}

/// What a process's threads are told.
#[derive(Default)]
struct Turn {
    /// The question that is open; 0 for none.
    id: AtomicU64,
    notes: AtomicU32,
    strays: AtomicU32,
}

struct Process {
    child: Option<Child>,
    questions: Sender<String>,
    number: u64,
    turn: Arc<Turn>,
    stray: Option<String>,
}

impl Drop for Process {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // Its own children go with it. It may have left its group.
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        if let Some(group) = group {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = child.kill();
        // The kernel may take its time; nobody else should.
        let _ = spawn(move || drop(child.wait()));
    }
}

#[derive(Default)]
struct Line {
    process: Option<Process>,
    queue: VecDeque<Waiting>,
    /// Until when the first of the queue must be answered, once asked.
    until: Option<Instant>,
}

/// An answer: the question's id, and what was said or why nothing was.
pub type Answer = (u64, Result<String, Wrong>);

/// All programs of a mailbox.
pub struct Programs {
    lines: BTreeMap<Program, Line>,
    events: Receiver<(u64, Event)>,
    sender: Sender<(u64, Event)>,
    waker: Waker,
    last: u64,
}

impl Programs {
    pub fn new(waker: Waker) -> Self {
        let (sender, events) = channel();
        Self { lines: BTreeMap::new(), events, sender, waker, last: 0 }
    }

    /// Asks a program. The answer comes with the id.
    pub fn ask(&mut self, mut question: Question) -> u64 {
        self.last += 1;
        let id = self.last;
        if let Some(place) = question.line.get_mut("id") {
            *place = id.into();
        }
        let line = self.lines.entry(question.program.clone()).or_default();
        line.queue.push_back(Waiting { id, question, tries: 0 });
        // Whoever works finds it.
        self.waker.wake();
        id
    }

    /// Ends all processes; questions not answered yet are asked again.
    pub fn restart(&mut self) {
        self.lines.retain(|_, line| {
            line.end();
            !line.queue.is_empty()
        });
    }

    /// Nobody waits for an answer any more.
    pub fn forget(&mut self) {
        for line in self.lines.values_mut() {
            line.queue.clear();
            // It may think for long yet.
            if line.until.is_some() {
                line.end();
            }
        }
    }

    /// When to look again without being woken.
    pub fn deadline(&self) -> Option<Instant> {
        self.lines.values().filter_map(|line| line.until).min()
    }

    /// Gathers answers and puts further questions. What is to be logged of
    /// programs comes beside.
    pub fn work(&mut self, now: Instant) -> (Vec<Answer>, Vec<String>) {
        let (mut answers, mut notes) = (Vec::new(), Vec::new());
        while let Ok((number, event)) = self.events.try_recv() {
            let found = self.lines.iter_mut().find(|(_, line)| {
                line.process.as_ref().is_some_and(|p| p.number == number)
            });
            // What ended already has nothing to say.
            let Some((program, line)) = found else { continue };
            let name = program.command.join(" ");
            match event {
                Event::Note(text) => notes.push(format!("{name}: {text}")),
                Event::Stray(text) => {
                    notes.push(format!(
                        "{name}: {text} has not the `id` of an open \
                         question: thrown away, as are others that follow"
                    ));
                    if let Some(process) = &mut line.process {
                        process.stray = Some(text);
                    }
                }
                Event::Answer(id, text) => {
                    let first = line.queue.front();
                    if first.is_some_and(|asked| asked.id == id) {
                        line.until = None;
                        line.queue.pop_front();
                        answers.push((id, Ok(text)));
                    }
                }
                Event::Gone(reason) => {
                    line.end();
                    line.give_up(reason, TRIES, &mut answers);
                }
            }
        }
        for (program, line) in &mut self.lines {
            if line.until.is_some_and(|until| until <= now) {
                let stray = line.process.as_mut().and_then(|p| p.stray.take());
                line.end();
                let mut reason = "said nothing in time, and was ended".into();
                if let Some(stray) = stray {
                    reason = format!(
                        "gave no answer with the question's `id` in time, \
                         but {stray}, and was ended"
                    );
                }
                line.give_up(reason, 0, &mut answers);
            }
            while line.until.is_none() && !line.queue.is_empty() {
                let put = line.put(program, &self.sender, &self.waker, now);
                if let Err(error) = put {
                    line.end();
                    let reason = format!("cannot be started: {error}");
                    line.give_up(reason, 0, &mut answers);
                }
            }
        }
        (answers, notes)
    }
}

/// Numbers of processes, so that an earlier one's words are not taken for
/// a later one's.
static NUMBERS: AtomicU64 = AtomicU64::new(1);

impl Line {
    fn end(&mut self) {
        self.process = None;
        self.until = None;
    }

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
            answers.push((
                asked.id,
                Err(Wrong::plain(format!("{name} {reason}"))),
            ));
        }
    }

    /// Puts the first question, to a new process if there is none.
    fn put(
        &mut self,
        program: &Program,
        sender: &Sender<(u64, Event)>,
        waker: &Waker,
        now: Instant,
    ) -> io::Result<()> {
        let Some(asked) = self.queue.front_mut() else { return Ok(()) };
        asked.tries += 1;
        let process = match &mut self.process {
            Some(process) => process,
            none => none.insert(start(program, sender, waker)?),
        };
        process.stray = None;
        process.turn.notes.store(0, ORDER);
        process.turn.strays.store(0, ORDER);
        process.turn.id.store(asked.id, ORDER);
        // A thread that ended has said so, or will.
        let _ = process.questions.send(format!("{}\n", asked.question.line));
        self.until = now.checked_add(asked.question.limit);
        Ok(())
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().spawn(work).map(drop)
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
    let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
    let (questions, asked) = channel::<String>();
    let turn = Arc::new(Turn::default());
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    // Ended when it goes, whatever fails here.
    let process = Process {
        child: Some(child),
        questions,
        number,
        turn: Arc::clone(&turn),
        stray: None,
    };
    let (Some(mut input), Some(output), Some(errors)) = pipes else {
        return Err(io::Error::other("it has no pipes"));
    };
    let tell = {
        let (sender, waker) = (sender.clone(), waker.clone());
        move |event| {
            // Nobody listens any more when the mailbox is closed.
            let _ = sender.send((number, event));
            waker.wake();
        }
    };
    spawn(move || {
        // One that reads no more says so by its end, or takes too long.
        while let Ok(question) = asked.recv()
            && input.write_all(question.as_bytes()).is_ok()
        {}
    })?;
    spawn({
        let (tell, turn) = (tell.clone(), Arc::clone(&turn));
        move || listen(BufReader::new(errors), &turn, &tell)
    })?;
    spawn(move || {
        let gone = match read_answers(BufReader::new(output), &turn, &tell) {
            Ok(()) => "ended without an answer".to_owned(),
            Err(error) => error.to_string(),
        };
        tell(Event::Gone(gone));
    })?;
    Ok(process)
}

/// Passes on what a program says on its standard error, as long as it keeps
/// within bounds.
fn listen(mut errors: impl BufRead, turn: &Turn, tell: &impl Fn(Event)) {
    while let Ok(Some(text)) = line(&mut errors, MOST_SAID) {
        match turn.notes.fetch_add(1, ORDER) {
            0..MOST_NOTES => tell(Event::Note(text)),
            MOST_NOTES => {
                let text = "more lines are left out until it is asked again";
                tell(Event::Note(text.to_owned()));
            }
            _ => turn.notes.store(MOST_NOTES + 1, ORDER),
        }
    }
}

/// Whose answer a line is.
#[derive(Deserialize)]
struct Marked {
    id: u64,
}

/// Reads lines until the program is gone.
fn read_answers(
    mut output: impl BufRead,
    turn: &Turn,
    tell: &impl Fn(Event),
) -> io::Result<()> {
    while let Some(text) = line(&mut output, MOST_LINE)? {
        if u64::try_from(text.len()).is_ok_and(|len| len >= MOST_LINE) {
            return Err(io::Error::other(format!(
                "wrote a line of more than {MOST_LINE} bytes"
            )));
        }
        let id = serde_json::from_str(&text).map_or(0, |Marked { id }| id);
        let close = turn.id.compare_exchange(id, 0, ORDER, ORDER);
        if id != 0 && close.is_ok() {
            tell(Event::Answer(id, text));
            continue;
        }
        match turn.strays.fetch_add(1, ORDER) {
            0 => tell(Event::Stray(shortened(&text))),
            1..MOST_STRAY => {}
            _ => {
                return Err(io::Error::other(format!(
                    "wrote {MOST_STRAY} lines without a question's `id`"
                )));
            }
        }
    }
    Ok(())
}

/// Reads a line, or its first so many bytes; none at the end.
fn line(from: &mut impl BufRead, most: u64) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    from.take(most).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}
