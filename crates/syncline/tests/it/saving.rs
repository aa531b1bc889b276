//! Measurements saved as files: whole, exact, and resumed wherever a run was stopped.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use syncline::restream::{
    DataQuery, Partition, PartitionedArgs, Place, Resolution, Restream, SaveArgs, SaveFormat,
    SaveSummary, Timestamp, save, save_partitioned,
};
use syncline_sandbox::restream::{Restream as Service, RestreamConfig};
use tokio_util::sync::CancellationToken;

/// A second at which much has been measured.
const AT: i64 = 1_735_689_600 + 30 * 3_600;

async fn service() -> Service {
    let config = RestreamConfig {
        speed: 0,
        ..RestreamConfig::default()
    };
    Service::start(config).await.unwrap()
}

pub(crate) fn client(service: &Service) -> Restream {
    let builder = Restream::builder().host(service.url());
    builder
        .client("restream", "restreamSecret".to_owned())
        .build()
        .unwrap()
}

fn range(seconds: i64) -> DataQuery {
    let time = |second| Timestamp::from_second(second).unwrap();
    DataQuery::range(time(AT), time(AT + seconds - 1))
}

fn arguments(file: &Path, place: Place, query: &DataQuery) -> SaveArgs {
    SaveArgs {
        place,
        query: query.clone(),
        file: file.to_owned(),
        overwrite: false,
    }
}

/// Saves to the end, or until so many records are in the file.
async fn saved(api: &Restream, arguments: SaveArgs, records_max: u64) -> SaveSummary {
    let stop = CancellationToken::new();
    let tell = |progress: &syncline::restream::SaveProgress| {
        if progress.records >= records_max {
            stop.cancel();
        }
    };
    save(api, arguments, &tell, &stop).await.unwrap()
}

/// A save that is stopped again and again gives the file that one at a stretch gives.
async fn check(place: Place, query: DataQuery, (extension, stops_wanted): (&str, u64)) {
    let service = service().await;
    let api = client(&service);
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join(format!("whole.{extension}"));
    let expected = saved(&api, arguments(&whole, place, &query), u64::MAX).await;
    assert!(expected.is_complete && expected.kept == 0);
    let pieces = folder.path().join(format!("pieces.{extension}"));
    let mut stops = 0;
    let last = loop {
        let at = expected.records / (stops_wanted + 1) * (stops + 1) + 1;
        let summary = saved(&api, arguments(&pieces, place, &query), at).await;
        if summary.is_complete {
            break summary;
        }
        assert!(!pieces.exists(), "a file is there only when it is complete");
        stops += 1;
    };
    assert!((1..=stops_wanted).contains(&stops), "{stops}");
    assert_eq!(last.records, expected.records);
    assert!(last.kept > 0);
    assert_eq!(
        std::fs::read(&pieces).unwrap(),
        std::fs::read(&whole).unwrap(),
        "{extension}"
    );
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 2, "nothing is left beside the files");
}

#[tokio::test]
async fn a_stopped_save_goes_on_behind_its_last_second() {
    for extension in ["json", "jsonl", "csv"] {
        check(Place::Site(1001), range(9_000), (extension, 3)).await;
    }
    #[cfg(feature = "parquet")]
    check(Place::Site(1001), range(9_000), ("parquet", 2)).await;
}

#[tokio::test]
async fn so_does_one_of_several_sites_and_one_over_several_days() {
    let routed = DataQuery {
        routed: true,
        ..range(3_000)
    };
    check(Place::Pad(101), routed, ("csv", 3)).await;
    let days = DataQuery {
        start: Timestamp::from_second(AT - 86_500).ok(),
        fields: Some(vec!["slurry_rate".to_owned()]),
        ..range(100)
    };
    check(Place::Site(1001), days, ("json", 1)).await;
    let minutes = DataQuery {
        resolution: Resolution::TenSeconds,
        start: Timestamp::from_second(AT - 100_000).ok(),
        ..range(20_000)
    };
    check(Place::Site(1002), minutes, ("jsonl", 1)).await;
}

#[tokio::test]
async fn all_formats_hold_the_same_records_with_the_same_digits() {
    let service = service().await;
    let api = client(&service);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["a.json", "a.jsonl", "a.csv"] {
        saved(
            &api,
            arguments(&path(name), Place::Site(1001), &range(3_600)),
            u64::MAX,
        )
        .await;
    }
    let lines = std::fs::read_to_string(path("a.jsonl")).unwrap();
    let array = std::fs::read_to_string(path("a.json")).unwrap();
    let inside = array.strip_prefix('[').unwrap().strip_suffix(']').unwrap();
    assert_eq!(inside.replace(",\n{", "\n{"), lines.trim_end());
    let table = std::fs::read_to_string(path("a.csv")).unwrap();
    let mut rows = table.lines();
    let header: Vec<&str> = rows.next().unwrap().split(',').collect();
    assert_eq!(header[..2], ["timestamp", "site_id"]);
    assert!(header[2..].is_sorted());
    let mut cells = 0;
    for (row, line) in rows.zip(lines.lines()) {
        for (name, cell) in header.iter().zip(row.split(',')) {
            let member = match cell {
                "" => continue,
                "true" | "false" => format!("\"{name}\":{cell}"),
                text if text.starts_with(|first: char| first.is_ascii_alphabetic()) => {
                    format!("\"{name}\":\"{text}\"")
                }
                number => format!("\"{name}\":{number}"),
            };
            assert!(line.contains(&member), "{member} is not in {line}");
            cells += 1;
        }
    }
    assert!(cells > 10_000);
}

#[tokio::test]
async fn another_wish_does_not_go_on_with_what_was_kept() {
    let service = service().await;
    let api = client(&service);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.jsonl");
    let stopped = saved(&api, arguments(&file, Place::Site(1001), &range(20_000)), 1).await;
    assert!(!stopped.is_complete && stopped.records > 0);
    let other = saved(
        &api,
        arguments(&file, Place::Site(1002), &range(100)),
        u64::MAX,
    )
    .await;
    assert_eq!((other.kept, other.records), (0, 100));
    let again = arguments(&file, Place::Site(1002), &range(100));
    let refused = save(&api, again, &|_| {}, &CancellationToken::new())
        .await
        .unwrap_err();
    assert!(refused.hints[0].contains("--overwrite"), "{refused:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 100);
}

#[tokio::test]
async fn a_folder_has_a_file_for_each_hour_and_goes_on_with_the_one_it_was_at() {
    let service = service().await;
    let api = client(&service);
    let folder = tempfile::tempdir().unwrap();
    let wish = |query: DataQuery| PartitionedArgs {
        place: Place::Site(1001),
        query,
        folder: folder.path().join("hours"),
        partition: Partition::Hour,
        format: SaveFormat::Csv,
        overwrite: false,
    };
    let (batches, stop) = (AtomicU64::new(0), CancellationToken::new());
    let tell = |progress: &syncline::restream::SaveProgress| {
        assert!(
            progress
                .share
                .is_some_and(|share| (0.0..=1.0).contains(&share))
        );
        if batches.fetch_add(1, Ordering::Relaxed) == 15 {
            stop.cancel();
        }
    };
    let stopped = save_partitioned(&api, wish(range(20_000)), &tell, &stop)
        .await
        .unwrap();
    assert!(
        !stopped.is_complete && stopped.records < 20_000,
        "{stopped:?}"
    );
    let go_on = CancellationToken::new();
    let ended = save_partitioned(&api, wish(range(20_000)), &|_| {}, &go_on)
        .await
        .unwrap();
    assert!(ended.is_complete);
    // Six hours, one of which was asked for twice.
    assert_eq!(service.requests().count("GET", "/data/"), 7);
    let hours = folder.path().join("hours/date=2025-01-02");
    let mut records = 0;
    for hour in std::fs::read_dir(hours).unwrap() {
        let file = hour.unwrap().path().join("site-1001.csv");
        records += std::fs::read_to_string(file).unwrap().lines().count() - 1;
    }
    assert_eq!(records, 20_000);
    let open = DataQuery::default();
    let refused = save_partitioned(&api, wish(open), &|_| {}, &go_on)
        .await
        .unwrap_err();
    assert!(refused.hints[0].contains("--start"), "{refused:?}");
}

#[cfg(feature = "parquet")]
#[tokio::test]
async fn parquet_columns_are_typed_and_in_order() {
    use bytes::Bytes;
    use parquet::basic::Type;
    use parquet::file::reader::{FileReader as _, SerializedFileReader};

    let service = service().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.parquet");
    let query = range(3_600);
    let api = client(&service);
    let summary = saved(&api, arguments(&file, Place::Site(1001), &query), u64::MAX).await;
    assert_eq!(summary.notes, [""; 0]);
    let reader = SerializedFileReader::new(Bytes::from(std::fs::read(&file).unwrap())).unwrap();
    let schema = reader.metadata().file_metadata().schema_descr();
    let kind = |name: &str| {
        let mut columns = schema.columns().iter();
        let found = columns.find(|column| column.name() == name);
        found.map(|column| column.physical_type())
    };
    assert_eq!(kind("timestamp"), Some(Type::INT64));
    assert_eq!(kind("treating_pressure"), Some(Type::DOUBLE));
    assert_eq!(kind("swab_valve"), Some(Type::BYTE_ARRAY));
    let seconds = reader.get_row_iter(None).unwrap().map(|row| {
        use parquet::record::RowAccessor as _;
        row.unwrap().get_long(0).unwrap()
    });
    assert_eq!(
        seconds.collect::<Vec<_>>(),
        (AT..AT + 3_600).collect::<Vec<_>>()
    );
}
