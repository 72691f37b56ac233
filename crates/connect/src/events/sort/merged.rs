//! Runs of sorted records enter, all records in order leave: a tournament of the runs' next records.

use std::fs::File;
use std::io::{self, Read, Seek};

use super::{LENGTH, Prefix, prefix};

/// Bytes that are read at once.
const BUFFER: usize = 1 << 16;

/// Records in order.
#[derive(Debug)]
pub(in crate::events) struct Merged {
    runs: Vec<Run>,
    /// The first is the run with the smallest record; behind it stand those that lost each of the tournament's games. The
    /// games of run `i` are `(i + runs) / 2`, half of that, and so on.
    games: Vec<usize>,
    /// The smallest was handed out already.
    handed_out: bool,
}

/// A run, and its next record.
#[derive(Debug)]
struct Run {
    file: File,
    buffer: Vec<u8>,
    /// Bytes of the buffer that are filled.
    filled: usize,
    /// Where the record stands.
    start: usize,
    end: usize,
    prefix: Prefix,
    /// There is no further record.
    ended: bool,
}

impl Run {
    fn new(mut file: File) -> io::Result<Self> {
        file.rewind()?;
        let buffer = vec![0; BUFFER];
        let mut run = Self { file, buffer, filled: 0, start: 0, end: 0, prefix: 0, ended: false };
        run.advance()?;
        Ok(run)
    }

    fn record(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Goes on to the next record.
    fn advance(&mut self) -> io::Result<()> {
        loop {
            let rest = self.buffer.get(self.end..self.filled).unwrap_or_default();
            let mut needed = LENGTH;
            if let Some((length, behind)) = rest.split_first_chunk::<LENGTH>() {
                let length = u32::from_le_bytes(*length) as usize;
                if let Some(record) = behind.get(..length) {
                    self.prefix = prefix(record);
                    self.start = self.end + LENGTH;
                    self.end = self.start + length;
                    return Ok(());
                }
                needed += length;
            }
            if !self.fill(needed)? {
                self.ended = true;
                return Ok(());
            }
        }
    }

    /// Reads on, with room for a record of `needed` bytes; false at the end of the run.
    fn fill(&mut self, needed: usize) -> io::Result<bool> {
        self.buffer.copy_within(self.end..self.filled, 0);
        (self.filled, self.start, self.end) = (self.filled - self.end, 0, 0);
        if self.buffer.len() < needed {
            self.buffer.resize(needed, 0);
        }
        let read = self.file.read(self.buffer.get_mut(self.filled..).unwrap_or_default())?;
        self.filled += read;
        if read == 0 && self.filled > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(read > 0)
    }

    /// Whether its record comes before that of the other run; of equal ones that of the first run does.
    fn precedes(&self, other: &Self, is_first: bool) -> bool {
        if (self.ended, self.prefix) != (other.ended, other.prefix) {
            return (self.ended, self.prefix) < (other.ended, other.prefix);
        }
        let order = self.record().cmp(other.record());
        order.is_lt() || order.is_eq() && is_first
    }
}

impl Merged {
    pub(super) fn new(files: Vec<File>) -> io::Result<Self> {
        let runs = files.into_iter().map(Run::new).collect::<io::Result<Vec<_>>>()?;
        let mut merged = Self { games: vec![0; runs.len()], runs, handed_out: false };
        // The winners of all games, and behind them the runs.
        let mut winners: Vec<usize> = vec![0; merged.runs.len()];
        winners.extend(0..merged.runs.len());
        for game in (1..merged.runs.len()).rev() {
            let players = (winners.get(2 * game).copied(), winners.get(2 * game + 1).copied());
            let (Some(left), Some(right)) = players else { continue };
            let (winner, loser) = if merged.wins(left, right) { (left, right) } else { (right, left) };
            let slots = (winners.get_mut(game), merged.games.get_mut(game));
            if let (Some(winner_slot), Some(loser_slot)) = slots {
                (*winner_slot, *loser_slot) = (winner, loser);
            }
        }
        if let (Some(slot), Some(winner)) = (merged.games.first_mut(), winners.get(1)) {
            *slot = *winner;
        }
        Ok(merged)
    }

    fn wins(&self, run: usize, other: usize) -> bool {
        let (Some(left), Some(right)) = (self.runs.get(run), self.runs.get(other)) else { return false };
        left.precedes(right, run < other)
    }

    /// The next record, or none at the end.
    pub(in crate::events) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        let Some(first) = self.games.first().copied() else { return Ok(None) };
        if self.handed_out
            && let Some(run) = self.runs.get_mut(first)
        {
            run.advance()?;
            self.play(first);
        }
        self.handed_out = true;
        let first = self.games.first().and_then(|first| self.runs.get(*first));
        Ok(first.filter(|run| !run.ended).map(Run::record))
    }

    /// Plays the games of a run that has gone on.
    fn play(&mut self, run: usize) {
        let mut winner = run;
        let mut game = (run + self.runs.len()) / 2;
        while game > 0 {
            let other = self.games.get(game).copied().unwrap_or(winner);
            if self.wins(other, winner)
                && let Some(loser) = self.games.get_mut(game)
            {
                *loser = winner;
                winner = other;
            }
            game /= 2;
        }
        if let Some(first) = self.games.first_mut() {
            *first = winner;
        }
    }
}
