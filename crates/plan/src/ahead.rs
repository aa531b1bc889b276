//! Rows that are made ready on a thread of their own while those before them are used.

use std::sync::mpsc::{Receiver, sync_channel};

use crate::{PlanError, Result};

/// What is made ready, piece by piece; ends after an error.
#[derive(Debug)]
pub(crate) struct Ahead<T> {
    pieces: Receiver<Result<Option<T>>>,
    is_over: bool,
}

impl<T: Send + 'static> Ahead<T> {
    /// Makes pieces until there is no more, and never more than one that is not yet asked for.
    pub(crate) fn start(
        mut make: impl FnMut() -> Result<Option<T>> + Send + 'static,
    ) -> Result<Self> {
        let (sender, pieces) = sync_channel(0);
        let making = move || {
            loop {
                let piece = make();
                let is_last = !matches!(piece, Ok(Some(_)));
                // Whoever no longer listens needs no more.
                if sender.send(piece).is_err() || is_last {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("rows ahead".to_owned());
        thread.spawn(making).map_err(PlanError::Thread)?;
        Ok(Self {
            pieces,
            is_over: false,
        })
    }

    /// The next piece.
    pub(crate) fn next(&mut self) -> Result<Option<T>> {
        if self.is_over {
            return Ok(None);
        }
        let piece = self.pieces.recv().unwrap_or_else(|broken_off| {
            let source = std::io::Error::other(broken_off);
            Err(PlanError::Thread(source))
        });
        self.is_over = !matches!(piece, Ok(Some(_)));
        piece
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_in_order_and_end() {
        let mut numbers = 0..100;
        let mut ahead = Ahead::start(move || Ok(numbers.next())).unwrap();
        for number in 0..100 {
            assert_eq!(ahead.next().unwrap(), Some(number));
        }
        assert_eq!(ahead.next().unwrap(), None);
        assert_eq!(ahead.next().unwrap(), None);
    }

    #[test]
    fn an_error_is_the_last_that_comes_and_a_thread_that_ends_early_is_one() {
        let failing = || Err(PlanError::Thread(std::io::Error::other("broken")));
        let mut ahead = Ahead::<u8>::start(failing).unwrap();
        assert!(ahead.next().is_err());
        assert_eq!(ahead.next().unwrap(), None);
        let mut ahead = Ahead::<u8>::start(|| panic!("ends early")).unwrap();
        assert!(matches!(ahead.next(), Err(PlanError::Thread(_))));
    }
}
