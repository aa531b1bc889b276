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
            let made = work(&block);
            let number = block.number;
            drop(block);
            let mut turn = self.turn_of(number);
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
            .wait_while(turn, |turn| turn.number != number)
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing more is read. Blocks that are under way still have their turn.
    fn end(&self) {
        *lock(&self.blocks) = None;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
