//! The pages of a search. A directory keeps one place in a list for each connection.

use ldap3::controls::{Control, ControlType, PagedResults};
use ldap3::{Ldap, Scope as Depth};
use syncline_store::{ErrorKind, Result, StoreError};

use crate::connection::Directory;
use crate::entry::Entry;
use crate::layout::Entries;

/// The pages of one search.
pub(crate) struct Pages<'a> {
    directory: &'a Directory,
    entries: &'a Entries,
    filter: &'a str,
    attributes: &'a [String],
    /// Where the next page begins; nothing after the last.
    cookie: Option<Vec<u8>>,
}

/// One page.
pub(crate) struct Page {
    pub(crate) entries: Vec<Entry>,
    /// Whether the directory named another one for a part of it.
    pub(crate) referred: bool,
}

impl<'a> Pages<'a> {
    pub(crate) fn new(
        directory: &'a Directory,
        entries: &'a Entries,
        filter: &'a str,
        attributes: &'a [String],
    ) -> Self {
        Self {
            directory,
            entries,
            filter,
            attributes,
            cookie: Some(Vec::new()),
        }
    }

    /// The next page, if there is one.
    pub(crate) async fn next(&mut self, ldap: &mut Ldap) -> Result<Option<Page>> {
        let Some(cookie) = self.cookie.take() else {
            return Ok(None);
        };
        let settings = &self.directory.settings;
        let control = PagedResults {
            size: i32::from(settings.page_size),
            cookie,
        };
        let (base, depth) = place(self.entries);
        let search = ldap
            .with_controls(control)
            .with_timeout(settings.timeout)
            .streaming_search(base, depth, self.filter, self.attributes);
        let problem = |error| self.directory.problem(error);
        let mut search = search.await.map_err(problem)?;
        let mut page = Page {
            entries: Vec::with_capacity(usize::from(settings.page_size)),
            referred: false,
        };
        while let Some(found) = search.next().await.map_err(problem)? {
            if found.is_ref() {
                page.referred = true;
            } else if !found.is_intermediate() {
                let entry = Entry::read(found).ok_or_else(|| {
                    let message = format!("{} sent an entry that is none", settings.url);
                    StoreError::new(ErrorKind::InvalidData, message)
                })?;
                page.entries.push(entry);
            }
        }
        let result = search.finish().await;
        self.directory
            .require(&result, &format!("reading below {base}"))?;
        self.cookie = result.ctrls.iter().find_map(|control| match control {
            Control(Some(ControlType::PagedResults), raw) => {
                Some(raw.parse::<PagedResults>().cookie)
            }
            _ => None,
        });
        self.cookie.take_if(|cookie| cookie.is_empty());
        Ok(Some(page))
    }
}

/// Where the entries of a collection are.
pub(crate) fn place(entries: &Entries) -> (&str, Depth) {
    let depth = if entries.settings.subtree {
        Depth::Subtree
    } else {
        Depth::OneLevel
    };
    (&entries.settings.base, depth)
}
