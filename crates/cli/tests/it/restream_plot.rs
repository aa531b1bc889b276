//! `restream plot` against a simulated service: what is in the picture, and what is refused.

use syncline_sandbox::restream::{Correction, Effect, Restream, RestreamConfig};

use crate::desk::{Desk, Ran};
use crate::interruption::signal;
use crate::restream::{begun, silent_after, until};

/// A second at which much has been measured.
const AT: i64 = 1_735_689_600 + 30 * 3_600;
const HOUR: i64 = 3_600;

/// The colour of the first curve.
const FIRST: &str = "stroke=\"#005FA3\"";

struct Drawing {
    desk: Desk,
    service: Restream,
    site: u64,
}

impl Drawing {
    async fn new() -> Self {
        let config = RestreamConfig {
            speed: 0,
            ..RestreamConfig::default()
        };
        let service = Restream::start(config).await.unwrap();
        let site = service.sites()[0];
        Self {
            desk: Desk::new(),
            service,
            site,
        }
    }

    fn correct(&self, start: i64, end: i64, effect: Effect) {
        let correction = Correction {
            site: self.site,
            start,
            end,
            effect,
            fields: [].into(),
        };
        self.service.correct(correction).unwrap();
    }

    fn plot(&self, fields: &str, (start, end): (i64, i64), more: &[&str]) -> Ran {
        let (start, end) = (start.to_string(), end.to_string());
        let range = ["--start", &start, "--end", &end];
        self.run(&[&["--fields", fields], &range[..], more].concat())
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let site = self.site.to_string();
        let command = ["restream", "plot", "--site", &site];
        let mut command = self.desk.command(&[&command[..], arguments].concat());
        command
            .env("RESTREAM_HOST", self.service.url())
            .env("RESTREAM_CLIENT_ID", "restream")
            .env("RESTREAM_CLIENT_SECRET", "restreamSecret");
        self.desk.ended(command.output().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.desk.path(name).to_str().unwrap().to_owned()
    }

    fn refused(&self, ran: &Ran, words: &[&str]) {
        assert_eq!(ran.status, 2, "{ran}");
        for word in words {
            assert!(ran.stderr.contains(word), "{word}: {ran}");
        }
        assert!(!self.desk.path("refused.svg").exists());
    }
}

/// The points of the lines of the first curve.
fn lines(svg: &str) -> Vec<Vec<(i32, i32)>> {
    let lines = svg.lines().filter(|line| line.contains(FIRST));
    lines
        .map(|line| {
            let (_, points) = line.split_once("points=\"").unwrap();
            let (points, _) = points.split_once('"').unwrap();
            let points = points.split_whitespace();
            points
                .map(|point| {
                    let (x, y) = point.split_once(',').unwrap();
                    (x.parse().unwrap(), y.parse().unwrap())
                })
                .collect()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_stays_open_and_a_spike_is_seen_over_twenty_hours() {
    let drawing = Drawing::new().await;
    let (start, end) = (AT - 10 * HOUR, AT + 10 * HOUR);
    drawing.correct(AT, AT + HOUR, Effect::Delete);
    drawing.correct(AT + 7_777, AT + 7_777, Effect::Override { value: 64_000.0 });
    let out = drawing.path("pictures/spike.svg");
    let ran = drawing.plot("wellhead_pressure", (start, end), &["--out", &out]);
    assert_eq!(ran.status, 0, "{ran}");
    let svg = drawing.desk.read("pictures/spike.svg");
    let lines = lines(&svg);
    let x = |second: i64| 144 + (second - start) * 2_208 / (end - start);
    let opens = |line: &Vec<(i32, i32)>, at: i64| (i64::from(line[0].0) - x(at)).abs() < 5;
    assert!(lines.iter().any(|line| opens(line, AT + HOUR)), "{lines:?}");
    let inside = |(point_x, _): &&(i32, i32)| {
        i64::from(*point_x) > x(AT) + 4 && i64::from(*point_x) < x(AT + HOUR) - 4
    };
    assert_eq!(lines.iter().flatten().filter(inside).count(), 0);
    let top = lines.iter().flatten().min_by_key(|point| point.1).unwrap();
    assert!((i64::from(top.0) - x(AT + 7_777)).abs() < 5, "{top:?}");
    let others = lines.iter().flatten().filter(|point| point.1 < top.1 + 400);
    assert_eq!(others.count(), 1, "nothing else comes near the spike");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_its_stages_units_and_times() {
    let drawing = Drawing::new().await;
    let out = drawing.path("hours.html");
    let fields = "treating_pressure,slurry_rate,clean_rate";
    let range = (AT, AT + 6 * HOUR);
    let ran = drawing.plot(fields, range, &["--out", &out, "--zone", "America/Chicago"]);
    assert_eq!(ran.status, 0, "{ran}");
    let page = drawing.desk.read("hours.html");
    for part in [
        "Fracturing",
        "Standby",
        "psi",
        "bpm",
        "Slurry Rate",
        "(America/Chicago)",
    ] {
        assert!(page.contains(part), "{part} is not in the page");
    }
    assert!(!page.contains("http-equiv=\"refresh") && !page.contains("src="));
    let si = drawing.path("si.svg");
    let ran = drawing.plot(fields, range, &["--out", &si, "--si-units"]);
    assert_eq!(ran.status, 0, "{ran}");
    let svg = drawing.desk.read("si.svg");
    assert!(
        svg.contains("kPa") && !svg.contains("psi"),
        "units of the SI"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_may_be_that_of_the_site() {
    let drawing = Drawing::new().await;
    let out = drawing.path("site.html");
    let range = (AT, AT + 6 * HOUR);
    let ran = drawing.plot("slurry_rate", range, &["--out", &out, "--zone", "site"]);
    assert_eq!(ran.status, 0, "{ran}");
    assert!(drawing.desk.read("site.html").contains("(US/Central)"));
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_leaves_what_was_there() {
    let drawing = Drawing::new().await;
    drawing.service.set_faults(silent_after(50));
    let out = drawing.path("pictures/stopped.svg");
    std::fs::create_dir(drawing.path("pictures")).unwrap();
    std::fs::write(&out, "kept").unwrap();
    let (site, start, end) = (
        drawing.site.to_string(),
        AT.to_string(),
        (AT + HOUR).to_string(),
    );
    let what = ["plot", "--site", &site, "--fields", "slurry_rate"];
    let more = [
        "--start",
        &start,
        "--end",
        &end,
        "--out",
        &out,
        "--overwrite",
    ];
    let child = begun(
        &drawing.desk,
        &drawing.service,
        &[&what[..], &more].concat(),
    );
    until(|| drawing.service.requests().count("GET", "/data/") > 0).await;
    signal(&child, "-INT");
    let ran = drawing.desk.ended(child.wait_with_output().unwrap());
    assert_eq!(ran.status, 5, "{ran}");
    assert!(ran.stderr.contains("stopped.svg is not written"), "{ran}");
    assert_eq!(drawing.desk.read("pictures/stopped.svg"), "kept");
    let files = std::fs::read_dir(drawing.path("pictures")).unwrap();
    assert_eq!(files.count(), 1, "nothing lies beside it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_drawn_is_refused_with_what_to_do() {
    let drawing = Drawing::new().await;
    let out = drawing.path("refused.svg");
    let out = ["--out", out.as_str()];
    let hour = (AT, AT + HOUR);
    let ran = drawing.plot("slurry_rate", (AT, AT), &out);
    drawing.refused(&ran, &["is not after the start", "--end"]);
    let ran = drawing.plot("slurry_rate,slury_rate", hour, &out);
    drawing.refused(
        &ran,
        &[
            "no field `slury_rate`",
            "mean `slurry_rate`",
            "there are: ",
            "clean_rate",
        ],
    );
    let ran = drawing.plot("slurry_rate", (AT + 90 * 86_400, AT + 91 * 86_400), &out);
    drawing.refused(
        &ran,
        &[
            "nothing that can be drawn",
            "measurements of this site go from",
        ],
    );
    let ran = drawing.plot(
        "slurry_rate",
        hour,
        &[&out[..], &["--zone", "Mars/Base"]].concat(),
    );
    drawing.refused(&ran, &["`Mars/Base`", "America/Chicago"]);
    let png = drawing.path("refused.png");
    let ran = drawing.plot("slurry_rate", hour, &["--out", &png]);
    drawing.refused(&ran, &[".svg or .html"]);
    let many: Vec<String> = (1..=9).map(|pump| format!("pump_{pump}_rate")).collect();
    let ran = drawing.plot(&many.join(","), hour, &out);
    drawing.refused(&ran, &["more than 8 fields"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_there_stays_unless_it_may_be_replaced() {
    let drawing = Drawing::new().await;
    let out = drawing.path("there.svg");
    std::fs::write(&out, "kept").unwrap();
    let hour = (AT, AT + HOUR);
    let ran = drawing.plot("wellhead_pressure", hour, &["--out", &out]);
    assert_eq!(ran.status, 2, "{ran}");
    assert!(ran.stderr.contains("--overwrite"), "{ran}");
    let failing = ["--out", &out, "--overwrite"];
    let ran = drawing.plot("unknown", hour, &failing);
    assert_eq!(ran.status, 2, "{ran}");
    assert_eq!(drawing.desk.read("there.svg"), "kept");
    let ran = drawing.plot("wellhead_pressure", hour, &failing);
    assert_eq!(ran.status, 0, "{ran}");
    assert!(drawing.desk.read("there.svg").starts_with("<svg"));
}
