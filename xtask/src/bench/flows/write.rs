//! Writing: updates to PostgreSQL, and entries to an LDAP directory.

use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use fs_err::File;
use serde_json::json;

use super::data::{COLUMNS, person};
use super::servers::setting;
use crate::bench::measure::{self, Used};
use crate::bench::number::{float, grouped, megabytes};
use crate::bench::options::Options;
use crate::bench::program::Workshop;
use crate::bench::report::{Target, conclude, say, table};

/// The options they heed.
pub(in crate::bench) const OPTIONS: &[&str] = &["--records"];

/// Updates of rows in PostgreSQL, once a quarter of them and once all.
pub(in crate::bench) fn sql(options: &Options) -> Result<()> {
    let workshop = Workshop::open()?;
    let records = options.records.unwrap_or(100_000);
    let url = setting("SYNCLINE_TEST_POSTGRES")?;
    let authority = setting("SYNCLINE_TEST_CA")?;
    let (base, _) = url.rsplit_once('/').context("the URL names no database")?;
    let name = format!("syncline_bench_{}", std::process::id());
    psql(&url, &[&format!("create database {name}")])?;
    let database = format!("{base}/{name}");
    let measured =
        [records / 4, records].map(|count| updates(&workshop, (&database, &authority), count));
    psql(&url, &[&format!("drop database {name} with (force)")])?;
    let [quarter, all] = measured;
    let (quarter, all) = (quarter?, all?);
    report(&workshop, "sql", (records, 20_000.0), (quarter, all))
}

/// New entries in an LDAP directory.
pub(in crate::bench) fn ldap(options: &Options) -> Result<()> {
    let workshop = Workshop::open()?;
    let records = options.records.unwrap_or(10_000);
    let measured = [records / 4, records].map(|count| entries(&workshop, count));
    let [quarter, all] = measured;
    let (quarter, all) = (quarter?, all?);
    say("a directory that flushes each change to its disk is as fast as the disk allows");
    report(&workshop, "ldap", (records, 1_000.0), (quarter, all))
}

/// What planning took, and what planning and writing took.
#[derive(Clone, Copy, Debug)]
struct Written {
    records: u64,
    plan: Used,
    sync: Used,
}

impl Written {
    fn seconds(&self) -> f64 {
        let whole = self.sync.wall.saturating_sub(self.plan.wall);
        whole.as_secs_f64().max(0.001)
    }

    fn rate(&self) -> f64 {
        float(self.records) / self.seconds()
    }

    fn row(&self) -> Vec<String> {
        vec![
            grouped(float(self.records)),
            format!("{:.2}", self.plan.wall.as_secs_f64()),
            format!("{:.2}", self.sync.wall.as_secs_f64()),
            grouped(self.rate()),
            format!("{:.0}", megabytes(self.sync.peak_bytes)),
        ]
    }
}

fn report(
    workshop: &Workshop,
    name: &str,
    (records, least): (u64, f64),
    (quarter, all): (Written, Written),
) -> Result<()> {
    say(&format!(
        "{name}: {records} changes written; the time of a plan alone is taken off"
    ));
    let head = ["changes", "plan s", "sync s", "changes/s", "peak MB"];
    table(&head, &[quarter.row(), all.row()]);
    let growth = megabytes(all.sync.peak_bytes) - megabytes(quarter.sync.peak_bytes);
    let results = json!({
        "records": records,
        "changes_per_second": all.rate(),
        "peak_megabytes": megabytes(all.sync.peak_bytes),
        "growth_megabytes": growth,
    });
    let targets = [
        Target::new(
            format!("changes/s, at least {}", grouped(least)),
            grouped(all.rate()),
            all.rate() >= least,
        ),
        Target::new(
            "memory for four times as many, at most 50 MB more",
            format!("{growth:.0} MB"),
            growth <= 50.0,
        ),
    ];
    conclude(workshop, name, &results, &targets)
}

fn people(folder: &Path, records: u64, version: &str) -> Result<()> {
    fs_err::create_dir_all(folder)?;
    let mut out = BufWriter::new(File::create(folder.join("people.csv"))?);
    writeln!(out, "{}", COLUMNS.join(","))?;
    for index in 0..records {
        writeln!(out, "{}", person(index, version).join(","))?;
    }
    Ok(out.flush()?)
}

fn psql(url: &str, statements: &[&str]) -> Result<()> {
    let mut command = Command::new("psql");
    command.args(["-q", "-X", "-v", "ON_ERROR_STOP=1", "-d", url]);
    for statement in statements {
        command.args(["-c", statement]);
    }
    let ran = command
        .output()
        .context("psql is needed (Debian: postgresql-client)")?;
    let said = String::from_utf8_lossy(&ran.stderr);
    ensure!(ran.status.success(), "psql: {said}");
    Ok(())
}

/// A table of which every row is to be another.
fn updates(workshop: &Workshop, (url, authority): (&str, &str), records: u64) -> Result<Written> {
    let folder = workshop.fresh("sql")?;
    people(&folder.join("before"), records, "0")?;
    people(&folder.join("left"), records, "1")?;
    let columns: Vec<String> = COLUMNS
        .iter()
        .skip(1)
        .map(|name| format!("{name} text"))
        .collect();
    psql(
        url,
        &[
            "drop table if exists people",
            &format!(
                "create table people (id text primary key, {})",
                columns.join(", ")
            ),
            &format!(
                "\\copy people from '{}' with (format csv, header)",
                folder.join("before/people.csv").display()
            ),
            "analyze people",
        ],
    )?;
    let store = format!("{{kind: sql, url: \"{url}\", ca_file: {authority}}}");
    written(workshop, (&folder, records), (&store, &COLUMNS))
}

/// A branch of a directory that is empty and is to have entries.
fn entries(workshop: &Workshop, records: u64) -> Result<Written> {
    const ATTRIBUTES: [&str; 5] = ["uid", "cn", "sn", "givenName", "mail"];
    let folder = workshop.fresh("ldap")?;
    fs_err::create_dir_all(folder.join("left"))?;
    let mut out = BufWriter::new(File::create(folder.join("left/people.csv"))?);
    writeln!(out, "{}", ATTRIBUTES.join(","))?;
    for index in 0..records {
        writeln!(
            out,
            "u{index},Person {index},Family{index},Given,p{index}@example.org"
        )?;
    }
    out.flush()?;
    let (url, dn) = (
        setting("SYNCLINE_TEST_LDAP")?,
        setting("SYNCLINE_TEST_LDAP_DN")?,
    );
    let password = setting("SYNCLINE_TEST_LDAP_PASSWORD")?;
    let root = setting("SYNCLINE_TEST_LDAP_BASE")?;
    let branch = format!("ou=bench{}-{records},{root}", std::process::id());
    let ldif = format!("dn: {branch}\nobjectClass: organizationalUnit\n");
    fs_err::write(folder.join("branch.ldif"), ldif)?;
    let ask = |program: &str, more: &[&str]| {
        let mut command = Command::new(program);
        command
            .args(["-x", "-H", &url, "-D", &dn, "-w", &password])
            .args(more);
        let ran = command.current_dir(&folder).output();
        let ran = ran.context("ldapadd is needed (Debian: ldap-utils)")?;
        let said = String::from_utf8_lossy(&ran.stderr);
        ensure!(ran.status.success(), "{program}: {said}");
        Ok(())
    };
    ask("ldapadd", &["-f", "branch.ldif"])?;
    let store = format!(
        "{{kind: ldap, url: \"{url}\", bind_dn: \"{dn}\", password: \"{password}\", collections: {{people: \
         {{base: \"{branch}\", object_classes: [inetOrgPerson], rdn: uid, attributes: [{}]}}}}}}",
        ATTRIBUTES.join(", ")
    );
    let written = written(workshop, (&folder, records), (&store, &ATTRIBUTES));
    ask("ldapdelete", &["-r", &branch])?;
    written
}

/// Plans, and then plans and writes.
fn written(
    workshop: &Workshop,
    (folder, records): (&Path, u64),
    (store, columns): (&str, &[&str]),
) -> Result<Written> {
    let mut names = columns.iter();
    let key = names.next().context("there is no key")?;
    let map: Vec<String> = names.map(|name| format!("{name}: {name}")).collect();
    let config = format!(
        "stores:\n  left: {{kind: files, path: left}}\n  right: {store}\nflows:\n  all:\n    from: left\n    \
         to: right\n    collections:\n      people:\n        key: {{{key}: {key}}}\n        \
         map: {{{}}}\n        limits: {{update_share: 100 %}}\n",
        map.join(", ")
    );
    fs_err::write(folder.join("syncline.yaml"), config)?;
    let run = |verb: &str| {
        let mut command = Command::new(&workshop.program);
        command.args([verb, "all"]).current_dir(folder);
        measure::run(&mut command, &folder.join(format!("{verb}.log")))
    };
    let (plan, sync) = (run("plan")?, run("sync")?);
    let told = fs_err::read_to_string(folder.join("sync.log"))?;
    let done = [format!("{records} updated"), format!("{records} created")];
    ensure!(
        done.iter().any(|words| told.contains(words)),
        "not all was written: {told}"
    );
    Ok(Written {
        records,
        plan,
        sync,
    })
}
