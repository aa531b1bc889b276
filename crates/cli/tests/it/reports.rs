//! Pages of plans and runs: what is on them, and how a browser shows them.

use syncline_testkit::Browser;

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
