//! Pages of plans and runs: what is on them, and how a browser shows them.

use syncline_testkit::Browser;

use crate::datastores::{Database, System};
use crate::desk::Desk;

/// A school of two collections: changes of every kind, one of them hostile, and deletes that a
/// guard holds.
fn desk() -> Desk {
    let desk = Desk::new();
    let row = |n: u32| format!("{n},Name {n},{}\n", n % 5);
    let rows = |from: u32, to: u32| (from..to).map(row).collect::<String>();
    let head = "id,name,grade\n";
    let hostile = "900,<script>document.title='broken'</script>,1\n901,=1+1,2\n";
    let changed = "1,Other name,1\n2,Name 2,4\n";
    desk.write(
        "sis/users.csv",
        format!("{head}{changed}{}{hostile}", rows(3, 60)),
    );
    desk.write("lms/users.csv", format!("{head}{}", rows(1, 120)));
    desk.write("sis/courses.csv", "id,title\nC1,Chess\nC2,Latin\n");
    desk.write("lms/courses.csv", "id,title\nC1,Chess\nC2,Greek\nC9,Old\n");
    desk.write(
        "syncline.yaml",
        "stores:\n  sis: {kind: files, path: sis}\n  lms: {kind: files, path: lms}\n\
         flows:\n  school:\n    from: sis\n    to: lms\n    collections:\n      users:\n        \
         key: [id]\n        map: {name: name, grade: grade}\n        delete: {style: delete}\n      \
         courses:\n        key: [id]\n        map: {title: title}\n",
    );
    desk
}

#[test]
fn a_plan_is_a_page_and_values_are_on_it_only_if_they_are_asked_for() {
    let desk = desk();
    let plan = desk.run(&["plan", "school", "--report", "plan.html"]);
    assert_eq!(plan.status, 4, "{}", plan.stderr);
    let page = desk.read("plan.html");
    for part in [
        "Plan of school",
        "a guard holds a part; the rest can be applied",
        "delete-share: 50.4 % of the target&#x27;s records to delete, at most 5.0 % allowed",
        "--allow delete-share",
        "1 held: what is gone stays, as the flow says",
        "(10 letters)",
        "Values of fields are hidden",
    ] {
        assert!(page.contains(part), "{part} is not in the page");
    }
    assert!(
        !page.contains("Other name") && !page.contains("Greek"),
        "{page}"
    );
    let shown = ["plan", "school", "--report", "plan.html", "--show-values"];
    assert_eq!(desk.run(&shown).status, 4);
    let page = desk.read("plan.html");
    assert!(page.contains("<ins>&quot;Other name&quot;</ins>"));
    assert!(!page.contains("<script>document"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(desk.path("plan.html"))
            .unwrap()
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }
}

#[test]
fn a_run_is_a_page_and_so_is_one_that_could_not_be_planned() {
    let desk = desk();
    let sync = desk.run(&["sync", "school", "--report", "run.html"]);
    assert_eq!(sync.status, 4, "{}", sync.stderr);
    let page = desk.read("run.html");
    for part in [
        "Run of school",
        "done, except for what a guard holds",
        "2 created",
        "<b>3</b><span>updated</span>",
    ] {
        assert!(page.contains(part), "{part} is not in the page");
    }
    desk.write("sis/users.csv", "id,name,grade\n1,a,1\n1,b,1\n");
    let sync = desk.run(&["sync", "school", "--report", "run.html"]);
    assert_eq!(sync.status, 1, "{}", sync.stderr);
    let page = desk.read("run.html");
    assert!(
        page.contains("problems have to be put right first"),
        "{page}"
    );
    assert!(
        page.contains("its key comes again at users.csv:3"),
        "{page}"
    );
    let nowhere = desk.run(&["plan", "school", "--report", "no/such/folder/plan.html"]);
    assert_eq!(nowhere.status, 3, "{}", nowhere.stderr);
    assert!(
        nowhere
            .stderr
            .contains("cannot write no/such/folder/plan.html"),
        "{}",
        nowhere.stderr
    );
}

#[test]
fn changes_that_are_too_many_are_told_to_be_left_out() {
    let desk = desk();
    let rows: Vec<String> = (1000..3000).map(|n| format!("{n},n,1\n")).collect();
    let rows = rows.concat();
    desk.write("sis/users.csv", format!("id,name,grade\n{rows}"));
    assert_eq!(
        desk.run(&["plan", "school", "--report", "plan.html"])
            .status,
        4
    );
    let page = desk.read("plan.html");
    let shown = page.matches("<tr data-kind").count();
    assert!((100..=2000).contains(&shown), "{shown}");
    // 2,000 creates and 119 deletes of users, one update and one delete of courses.
    let told = format!("{} more changes are in the plan", 2121 - shown);
    assert!(page.contains(&told), "{told}");
}

#[test]
fn a_browser_shows_the_page_and_its_search_filters() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let desk = desk();
    let plan = ["plan", "school", "--report", "plan.html", "--show-values"];
    assert_eq!(desk.run(&plan).status, 4);
    // Somebody types into the box, and chooses a kind.
    let typed = "<script>const box = document.getElementById('search'); box.value = 'C2 greek';\
                 box.dispatchEvent(new Event('input'));</script></body>";
    let chosen = "<script>const list = document.getElementById('kind'); list.value = 'create';\
                  list.dispatchEvent(new Event('change'));</script></body>";
    let page = desk.read("plan.html");
    desk.write("typed.html", page.replace("</body>", typed));
    desk.write("chosen.html", page.replace("</body>", chosen));
    let url = |name: &str| format!("file://{}", desk.path(name).display());
    let dump = |url: &str| browser.visit(&["--dump-dom"], url);
    let seen = |html: &str| {
        let rows = html.split("<tr data-kind").skip(1);
        let is_hidden = |row: &&str| row.split('>').next().unwrap().contains("hidden");
        rows.filter(|row| !is_hidden(row)).count()
    };
    let all = dump(&url("plan.html"));
    // Two creates, two updates and 60 deletes of users; an update and a delete of courses.
    assert_eq!(seen(&all), 66, "{all}");
    assert!(all.contains("66 changes</output>"), "{all}");
    assert!(all.contains("<title>Plan of school</title>"), "{all}");
    assert_eq!(seen(&dump(&url("typed.html"))), 1);
    assert!(dump(&url("typed.html")).contains("1 of 66 changes</output>"));
    assert_eq!(seen(&dump(&url("chosen.html"))), 2);
    assert_eq!(seen(&dump(&url("plan.html#search=nobody"))), 0);
    for (name, size) in [("desktop", "1280,1600"), ("phone", "390,1600")] {
        let picture = desk.path(&format!("{name}.png"));
        let shoot = format!("--screenshot={}", picture.display());
        let size = format!("--window-size={size}");
        browser.visit(&[&shoot, &size], &url("plan.html"));
        let png = std::fs::read(&picture).unwrap();
        assert!(
            png.starts_with(b"\x89PNG") && png.len() > 20_000,
            "{name}: {}",
            png.len()
        );
    }
}

/// How wide a page is that a phone shows, and how wide the phone. Windows are wider than phones
/// where there is none, so it is shown in a frame.
fn on_a_phone(browser: &Browser, desk: &Desk, page: &str) -> (u32, u32) {
    let tell = "<script>addEventListener('load', () => parent.postMessage(\
                document.documentElement.scrollWidth + ' of ' + innerWidth, '*'));</script></body>";
    desk.write("framed.html", page.replace("</body>", tell));
    let listen = "<title>silent</title><script>addEventListener('message', \
                  message => document.title = message.data);</script>\
                  <iframe src='framed.html' style='width: 390px; height: 800px; border: 0'></iframe>";
    desk.write("phone.html", listen);
    let url = format!("file://{}", desk.path("phone.html").display());
    let shown = browser.visit(&["--dump-dom", "--virtual-time-budget=5000"], &url);
    let (_, title) = shown.split_once("<title>").unwrap();
    let (title, _) = title.split_once("</title>").unwrap();
    let (wide, room) = title.split_once(" of ").expect(title);
    (wide.parse().unwrap(), room.parse().unwrap())
}

#[test]
fn pages_fit_on_a_phone_whatever_is_on_them() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let desk = desk();
    let word = "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch".repeat(4);
    let rows = desk.read("sis/users.csv") + &format!("{word},{word},3\n");
    desk.write("sis/users.csv", rows);
    for (verb, file) in [("plan", "plan.html"), ("sync", "run.html")] {
        let ran = desk.run(&[verb, "school", "--report", file, "--show-values"]);
        assert_eq!(ran.status, 4, "{ran}");
        let page = desk.read(file);
        assert!(page.contains(&word), "{file}");
        assert_eq!(on_a_phone(&browser, &desk, &page), (390, 390), "{file}");
        // What does not fit is seen.
        let wide = page.replace("</body>", "<div style='width: 600px'>wide</div></body>");
        assert_eq!(on_a_phone(&browser, &desk, &wide).0, 600, "{file}");
    }
}

/// A flow to a database that does not take everything: of `people` it declines what is called `bad`,
/// and whoever comes changes a record of `rooms` that is to be changed, too.
async fn declining() -> (Desk, Database) {
    let desk = Desk::new();
    let database = Database::new(System::Sqlite, &desk).await.unwrap();
    database
        .run(
            "CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, name TEXT);
             CREATE TABLE rooms (id TEXT PRIMARY KEY NOT NULL, name TEXT);
             INSERT INTO rooms VALUES ('r1', 'old'), ('r9', 'gone');
             CREATE TRIGGER strict BEFORE INSERT ON people WHEN new.name = 'bad'
             BEGIN SELECT RAISE(ABORT, 'no bad names'); END;
             CREATE TRIGGER meddling AFTER INSERT ON people WHEN new.id = 'meddler'
             BEGIN UPDATE rooms SET name = 'meddled with'; END;",
        )
        .await;
    desk.write(
        "left/people.csv",
        "id,name\n1,good\n2,bad\n3,bad\nmeddler,x\n",
    );
    desk.write("left/rooms.csv", "id,name\nr1,new\n");
    let store = database.store();
    desk.write(
        "syncline.yaml",
        format!(
            "stores:\n  left: {{kind: files, path: left}}\n  right: {store}\nflows:\n  f:\n    \
             from: left\n    to: right\n    collections:\n      people: {{key: [id], map: {{name: \
             name}}}}\n      rooms: {{key: [id], map: {{name: name}}, after: [people]}}\n"
        ),
    );
    (desk, database)
}

/// The changes of a page: their text without markup.
fn changes(page: &str) -> Vec<String> {
    let tags = regex::Regex::new("<[^>]*>").unwrap();
    let rows = page.split("<tr data-kind").skip(1);
    let texts = rows.map(|row| {
        let (_, rest) = row.split_once('>').unwrap();
        let row = rest.split("</tr>").next().unwrap();
        let text = tags.replace_all(row, " ");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    texts.collect()
}

/// What became of each change, in order, by the file that the results name.
fn outcomes(desk: &Desk) -> Vec<String> {
    let results = desk.json("r.json");
    let text = desk.read(results["outcome_file"].as_str().unwrap());
    let word = |line: &str| {
        let outcome: serde_json::Value = serde_json::from_str(line).unwrap();
        outcome["outcome"].as_str().unwrap().to_owned()
    };
    let mut words: Vec<String> = text.lines().skip(1).map(word).collect();
    words.sort_unstable();
    words
}

#[tokio::test]
async fn what_became_of_each_change_is_on_the_page_of_a_run() {
    let (desk, database) = declining().await;
    let sync = desk.run(&[
        "sync",
        "f",
        "--report",
        "run.html",
        "--results-file",
        "r.json",
    ]);
    assert_eq!(sync.status, 1, "{sync}");
    let page = desk.read("run.html");
    let rows = changes(&page);
    let begin = |text: &str| rows.iter().position(|row| row.starts_with(text));
    // What failed comes first.
    assert_eq!(rows.len(), 6, "{rows:?}");
    let failed = rows[..3].iter();
    let refused = "create failed a rule or trigger of the table refuses it people";
    assert_eq!(
        failed
            .clone()
            .filter(|row| row.starts_with(refused))
            .count(),
        2,
        "{rows:?}"
    );
    let moved = "update moved it was changed since it was looked at, and was left alone rooms";
    assert_eq!(
        failed.filter(|row| row.starts_with(moved)).count(),
        1,
        "{rows:?}"
    );
    assert!(begin("create done").is_some(), "{rows:?}");
    assert!(
        begin("delete held what is gone stays, as the flow says").is_some(),
        "{rows:?}"
    );
    assert!(
        page.contains("<span class=\"count\">2</span> people"),
        "{page}"
    );

    // The same for programs.
    let words = outcomes(&desk);
    assert_eq!(words, ["done", "done", "failed", "failed", "held", "moved"]);

    // Gone on with, the same plan does what is left of it, and says what was done before.
    database
        .run("DROP TRIGGER strict; DROP TRIGGER meddling")
        .await;
    database.run("UPDATE rooms SET name = 'old' WHERE id = 'r1'; UPDATE rooms SET name = 'gone' WHERE id = 'r9'").await;
    let plan = desk.json("r.json")["file"].as_str().unwrap().to_owned();
    let apply = desk.run(&["apply", &plan, "--report", "run.html"]);
    assert_eq!(apply.status, 0, "{apply}");
    let rows = changes(&desk.read("run.html"));
    let count = |text: &str| rows.iter().filter(|row| row.starts_with(text)).count();
    assert_eq!(
        [
            count("create done"),
            count("create earlier"),
            count("update done"),
            count("delete held")
        ],
        [2, 2, 1, 1],
        "{rows:?}"
    );
}

#[tokio::test]
async fn a_browser_shows_what_failed_alone_and_on_a_phone() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let (desk, _database) = declining().await;
    assert_eq!(
        desk.run(&["sync", "f", "--report", "run.html", "--show-values"])
            .status,
        1
    );
    let chosen = "<script>const list = document.getElementById('outcome'); list.value = 'failed';\
                  list.dispatchEvent(new Event('change'));</script></body>";
    desk.write(
        "chosen.html",
        desk.read("run.html").replace("</body>", chosen),
    );
    let url = |name: &str| format!("file://{}", desk.path(name).display());
    let dump = |name: &str| browser.visit(&["--dump-dom"], &url(name));
    assert!(dump("chosen.html").contains("2 of 6 changes</output>"));
    for (name, size) in [("desktop", "1280,1600"), ("phone", "390,1600")] {
        let picture = desk.path(&format!("{name}.png"));
        let shoot = format!("--screenshot={}", picture.display());
        let size = format!("--window-size={size}");
        browser.visit(&[&shoot, &size], &url("run.html"));
        let png = std::fs::read(&picture).unwrap();
        assert!(png.starts_with(b"\x89PNG") && png.len() > 20_000, "{name}");
    }
}
