//! One pass over a file by several threads, with results in the order of the file.
//!
//! Each thread takes the next block, works on it, and waits for its turn to hand over what it
//! made. So there are never more blocks in memory than threads, and whoever takes the results
//! sees them as if one thread had read the file from beginning to end.

use std::io::{self, Read};
use std::ops::ControlFlow;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::blocks::{Block, Blocks};

/// Works on all blocks of a file: `work` on several threads at once, `merge` with what it made,
/// one after the other in the order of the file, until it says that this was enough.
pub(crate) fn each_block<T, E>(
    reader: impl Read + Send,
    threads: usize,
    work: impl Fn(&Block) -> T + Sync,
    merge: impl FnMut(T) -> Result<ControlFlow<()>, E> + Send,
) -> Result<(), E>
where
    E: From<io::Error> + Send,
{
    let shared = Shared {
        blocks: Mutex::new(Some(Blocks::new(reader))),
        turn: Mutex::new(Turn {
            number: 0,
            merge,
            error: None,
            abandoned: false,
        }),
        passed: Condvar::new(),
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.max(1) {
            scope.spawn(|| shared.run(&work));
        }
        shared.run(&work);
    });
    let turn = shared.turn.into_inner();
    match turn.unwrap_or_else(PoisonError::into_inner).error {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

struct Shared<R, M, E> {
    /// What is still to be read; nothing once there is no more, or no more is wanted.
    blocks: Mutex<Option<Blocks<R>>>,
    turn: Mutex<Turn<M, E>>,
    passed: Condvar,
}

/// Whose result comes next.
struct Turn<M, E> {
    /// The number of its block.
    number: u64,
    merge: M,
    error: Option<E>,
    /// Whether a thread ended before its turn, for which the others would wait for ever.
    abandoned: bool,
}

impl<R, M, E> Shared<R, M, E>
where
    R: Read,
    E: From<io::Error>,
{
    fn run<T>(&self, work: &impl Fn(&Block) -> T)
    where
        M: FnMut(T) -> Result<ControlFlow<()>, E>,
    {
        while let Some(block) = self.next_block() {
            let mut leaving = Leaving(Some(self));
            let made = work(&block);
            let number = block.number;
            drop(block);
            let mut turn = self.turn_of(number);
            leaving.0 = None;
            if turn.abandoned {
                return;
            }
            let result = (turn.merge)(made);
            turn.number += 1;
            match result {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => self.end(),
                Err(error) => {
                    turn.error.get_or_insert(error);
                    self.end();
                }
            }
            drop(turn);
            self.passed.notify_all();
        }
    }

    fn next_block(&self) -> Option<Block> {
        let mut blocks = lock(&self.blocks);
        match blocks.as_mut()?.next_block() {
            Ok(Some(block)) => Some(block),
            Ok(None) => {
                *blocks = None;
                None
            }
            Err(error) => {
                *blocks = None;
                drop(blocks);
                lock(&self.turn).error.get_or_insert(error.into());
                None
            }
        }
    }

    fn turn_of(&self, number: u64) -> MutexGuard<'_, Turn<M, E>> {
        let turn = lock(&self.turn);
        self.passed
            .wait_while(turn, |turn| turn.number != number && !turn.abandoned)
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing more is read. Blocks that are under way still have their turn.
    fn end(&self) {
        *lock(&self.blocks) = None;
    }
}

/// Lets the others go if a thread ends before its turn, which only a defect can make it do.
struct Leaving<'a, R, M, E>(Option<&'a Shared<R, M, E>>);

impl<R, M, E> Drop for Leaving<'_, R, M, E> {
    fn drop(&mut self) {
        if let Some(shared) = self.0 {
            *lock(&shared.blocks) = None;
            lock(&shared.turn).abandoned = true;
            shared.passed.notify_all();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(lines: usize) -> Vec<u8> {
        let line = |number| format!("{number} {}\n", "x".repeat(number % 700));
        (1..=lines).map(line).collect::<String>().into_bytes()
    }

    /// The numbers of the lines as they are merged.
    fn merged(threads: usize, most: usize) -> Vec<u64> {
        let text = text(20_000);
        let mut numbers = Vec::new();
        let work = |block: &Block| block.lines().map(|line| line.number).collect::<Vec<u64>>();
        let result: io::Result<()> = each_block(&text[..], threads, work, |found| {
            numbers.extend(found);
            Ok(if numbers.len() < most {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            })
        });
        result.unwrap();
        numbers
    }

    #[test]
    fn what_threads_make_is_merged_in_the_order_of_the_file() {
        let all: Vec<u64> = (1..=20_000).collect();
        for threads in [1, 2, 5] {
            assert_eq!(merged(threads, usize::MAX), all, "{threads} threads");
        }
    }

    #[test]
    fn a_pass_ends_early_if_that_was_enough() {
        let found = merged(3, 10);
        assert!((10..20_000).contains(&found.len()), "{}", found.len());
        let beginning: Vec<u64> = (1..=found.len() as u64).collect();
        assert_eq!(found, beginning);
    }

    #[test]
    fn what_goes_wrong_while_reading_or_merging_ends_the_pass() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("no disk"))
            }
        }
        let reader = Read::chain(&b"1\n"[..], Broken);
        let goes_on = |()| Ok::<_, io::Error>(ControlFlow::Continue(()));
        let error = each_block(reader, 3, |_| (), goes_on).unwrap_err();
        assert_eq!(error.to_string(), "no disk");
        let refuses = |()| Err(io::Error::other("no room"));
        let error = each_block(&text(9000)[..], 3, |_| (), refuses).unwrap_err();
        assert_eq!(error.to_string(), "no room");
    }

    #[test]
    fn a_thread_that_panics_takes_the_others_with_it() {
        let text = text(20_000);
        let pass = std::panic::AssertUnwindSafe(|| {
            let work = |block: &Block| assert!(block.number != 2, "a defect");
            let goes_on = |()| Ok::<_, io::Error>(ControlFlow::Continue(()));
            each_block(&text[..], 3, work, goes_on)
        });
        assert!(std::panic::catch_unwind(pass).is_err());
    }
}
