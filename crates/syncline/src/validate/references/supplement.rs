//! Keys of collections that are not checked themselves but that checked ones refer to.

use std::ops::ControlFlow;

use syncline_check::{KeySeen, Verdict, Visitor};

use super::{Notes, References};
use crate::Failure;
use crate::validate::blocks::Block;
use crate::validate::job::threads;
use crate::validate::pass::each_block;

impl References {
    /// Reads those files for their keys, which is best done before others are read.
    pub(crate) fn read_supplement(&self) -> Result<(), Failure> {
        for collection in &self.supplement {
            let Some(checker) = self.schemas.checker(&collection.name) else {
                continue;
            };
            let checker = checker.with_key(&collection.key);
            let files = self
                .units
                .iter()
                .filter(|unit| unit.subject.collection == collection.name);
            for unit in files {
                self.begin_file();
                let work = |block: &Block| {
                    let mut keys = Keys {
                        notes: self.notes(&unit.subject),
                        text: String::new(),
                    };
                    for line in block.lines().filter(|line| !line.too_long) {
                        keys.notes.begin(line.number);
                        if checker.verdict(line.text, &mut keys) == Verdict::Refused {
                            keys.notes.begin(line.number);
                            // What is wrong with it is nobody's question here.
                            drop(checker.explain(line.text, &mut keys));
                        }
                    }
                    self.take(keys.notes);
                };
                let merge = |()| Ok::<_, std::io::Error>(ControlFlow::Continue(()));
                each_block(unit.file.open()?, threads(), work, merge)?;
            }
        }
        Ok(())
    }
}

/// Notes keys only.
struct Keys<'a> {
    notes: Notes<'a>,
    text: String,
}

impl Visitor for Keys<'_> {
    fn key(&mut self, seen: &KeySeen<'_>) {
        self.text.clear();
        seen.write_key(&mut self.text);
        self.notes.key(&self.text);
    }
}
