//! What a report shows, in the order of its time, and how much of it is kept:
//! the beginning and the end where there is too much. Knows no file.

use std::collections::{HashSet, VecDeque};
use std::rc::Rc;

/// Texts, each once.
#[derive(Default)]
pub(super) struct Texts {
    all: HashSet<Rc<str>>,
    /// Their length together.
    bytes: usize,
}

impl Texts {
    pub(super) fn keep(&mut self, text: &str) -> Rc<str> {
        if let Some(known) = self.all.get(text) {
            return known.clone();
        }
        let new: Rc<str> = text.into();
        self.bytes += new.len();
        self.all.insert(new.clone());
        new
    }

    /// Forgets a text that nobody else has.
    fn release(&mut self, text: Rc<str>) {
        if Rc::strong_count(&text) == 2 {
            self.bytes -= text.len();
            self.all.remove(&text);
        }
    }
}

/// The bytes of a message, and what is said of them.
#[derive(Clone)]
pub(super) struct Message {
    /// Its file's name.
    pub(super) name: Rc<str>,
    pub(super) handler: Rc<str>,
    /// Why it is as it is.
    pub(super) note: Rc<str>,
    /// Hex of the file.
    pub(super) content: Rc<str>,
    /// Hex of the MCTP message that it completes, where that came in several
    /// files.
    pub(super) whole: Rc<str>,
    /// Its fields, as three lists of JSON: `layer.name`, value, meaning.
    pub(super) names: Rc<str>,
    pub(super) values: Rc<str>,
    pub(super) meanings: Rc<str>,
    /// Microseconds from reading the request to publishing this.
    pub(super) latency: Option<u64>,
}

/// One line of the chart.
pub(super) struct Row {
    /// Microseconds since 1970.
    pub(super) time: i64,
    /// A kind of event, or `console`, `kernel`, `ok`, `not ok`, `left out`.
    pub(super) kind: &'static str,
    pub(super) subspace: Option<u8>,
    pub(super) text: Rc<str>,
    pub(super) message: Option<Box<Message>>,
}

/// Rows of one source: as many at the beginning as at the end.
pub(super) struct Kept {
    /// Most rows, and most bytes of their texts.
    most: usize,
    most_bytes: usize,
    head: Vec<Row>,
    tail: VecDeque<Row>,
    left_out: u64,
}

impl Kept {
    pub(super) fn new(most: usize, most_bytes: usize) -> Kept {
        let (head, tail) = (Vec::new(), VecDeque::new());
        Kept { most, most_bytes, head, tail, left_out: 0 }
    }

    pub(super) fn push(&mut self, texts: &mut Texts, row: Row) {
        let is_head = self.tail.is_empty()
            && self.head.len() < self.most / 2
            && texts.bytes < self.most_bytes / 2;
        if is_head {
            self.head.push(row);
            return;
        }
        self.tail.push_back(row);
        while self.tail.len() > self.most / 2
            || (texts.bytes > self.most_bytes && self.tail.len() > 1)
        {
            let Some(row) = self.tail.pop_front() else { break };
            self.left_out += 1;
            texts.release(row.text);
            let Some(message) = row.message else { continue };
            let Message { name, handler, note, content, .. } = *message;
            let Message { whole, names, values, meanings, .. } = *message;
            for text in
                [name, handler, note, content, whole, names, values, meanings]
            {
                texts.release(text);
            }
        }
    }

    /// All of them; where some are left out, a row says so.
    pub(super) fn rows(mut self, texts: &mut Texts, what: &str) -> Vec<Row> {
        if self.left_out > 0 {
            let time = self.tail.front().map_or(0, |row| row.time);
            let text = format!(
                "{} {what} before this are left out here; pcclab log has them",
                self.left_out
            );
            self.head.push(Row {
                time,
                kind: "left out",
                subspace: None,
                text: texts.keep(&text),
                message: None,
            });
        }
        self.head.extend(self.tail);
        self.head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(texts: &mut Texts, time: i64, text: &str) -> Row {
        let text = texts.keep(text);
        Row { time, kind: "console", subspace: None, text, message: None }
    }

    #[test]
    fn the_beginning_and_the_end_are_kept() {
        let mut texts = Texts::default();
        let mut kept = Kept::new(10, 1 << 20);
        for time in 0..100 {
            let row = row(&mut texts, time, &format!("line {time}"));
            kept.push(&mut texts, row);
        }
        assert_eq!(texts.all.len(), 10);
        let rows = kept.rows(&mut texts, "lines");
        let times: Vec<_> = rows.iter().map(|row| row.time).collect();
        assert_eq!(times, [0, 1, 2, 3, 4, 95, 95, 96, 97, 98, 99]);
        assert!(rows[5].text.starts_with("90 lines before this"));
    }

    #[test]
    fn long_texts_count_once() {
        let mut texts = Texts::default();
        let mut kept = Kept::new(1000, 1000);
        for time in 0..100 {
            let text = format!("{time:0>90}");
            let row = row(&mut texts, time, &text);
            kept.push(&mut texts, row);
            assert!(texts.bytes <= 1000 + 90, "{}", texts.bytes);
        }
        assert!(kept.left_out > 80);
        let (mut texts, mut same) = (Texts::default(), Kept::new(1000, 1000));
        for time in 0..100 {
            let row = row(&mut texts, time, &"x".repeat(90));
            same.push(&mut texts, row);
        }
        assert_eq!((same.left_out, texts.bytes), (0, 90));
    }
}
