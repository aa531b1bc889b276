//! Every type there and back.

use syncline_model::Change;

use crate::server::{Server, collection, contents, create, fill, payloads, record, told, write};

async fn round_trip(server: &Server, table: &str, columns: &str, rows: &[&str]) {
    server
        .run(&format!(
            "CREATE TABLE {table} (id INTEGER PRIMARY KEY, {columns})"
        ))
        .await;
    let store = server.open(&[table]).await;
    fill(&store, table, rows).await;
    assert_eq!(payloads(&store, table).await, rows, "{:?}", server.system);
    // The same again changes nothing.
    for outcome in create(&store, table, rows).await {
        assert_eq!(told(&outcome), "Unchanged", "{:?}", server.system);
    }
}

#[tokio::test]
async fn postgresql_gives_back_what_it_was_given() {
    let Some(server) = Server::postgres().await else {
        return;
    };
    let columns = "big bigint, exact numeric, money numeric(20,4), single real, double double \
        precision, yes boolean, day date, clock time, local timestamp, moment timestamptz, raw \
        bytea, doc jsonb, tags text[], numbers int[], ident uuid, fixed char(5), short varchar(9)";
    round_trip(
        &server,
        "kinds",
        columns,
        &[
            "{\"id\":1,\"big\":9223372036854775807,\
             \"exact\":123456789012345678901234567890.000000000000000001,\"money\":-0.0500,\
             \"single\":0.1,\"double\":0.30000000000000004,\"yes\":true,\"day\":\"2026-02-28\",\
             \"clock\":\"23:59:59.123456\",\"local\":\"2026-08-14T12:30:00.5\",\
             \"moment\":\"2026-08-14T12:30:00Z\",\"raw\":\"AAH/\",\
             \"doc\":{\"a\": [1, null, \"\\u00e9\"]},\"tags\":[\"a\",\"b,\\\"}{\\\\\",null,\"NULL\"],\
             \"numbers\":[1,2],\"ident\":\"0b2f5d1e-8e0f-4c3a-9a6f-000000000001\",\
             \"fixed\":\"ab\",\"short\":\"\"}"
                .replace("\\u00e9", "\u{e9}")
                .as_str(),
            "{\"id\":2,\"big\":null,\"exact\":null,\"money\":null,\"single\":null,\"double\":null,\
             \"yes\":null,\"day\":null,\"clock\":null,\"local\":null,\"moment\":null,\"raw\":null,\
             \"doc\":null,\"tags\":null,\"numbers\":null,\"ident\":null,\"fixed\":null,\
             \"short\":null}",
        ],
    )
    .await;
}

#[tokio::test]
async fn mariadb_gives_back_what_it_was_given() {
    let Some(server) = Server::mariadb().await else {
        return;
    };
    let columns = "big BIGINT UNSIGNED, exact DECIMAL(60,18), single_ FLOAT, double_ DOUBLE, yes \
        TINYINT(1), day DATE, clock TIME(6), local_ DATETIME(3), moment TIMESTAMP(6) NULL, raw \
        VARBINARY(20), blob_ LONGBLOB, bits BIT(12), choice ENUM('a','b'), latin VARCHAR(20) \
        CHARACTER SET latin1, wide TEXT";
    round_trip(
        &server,
        "kinds",
        columns,
        &[
            "{\"id\":1,\"big\":18446744073709551615,\
             \"exact\":123456789012345678901234567890.000000000000000001,\"single_\":0.1,\
             \"double_\":0.30000000000000004,\"yes\":true,\"day\":\"2026-02-28\",\
             \"clock\":\"-838:59:58.5\",\"local_\":\"2026-08-14T12:30:00.5\",\
             \"moment\":\"2026-08-14T12:30:00Z\",\"raw\":\"AAH/\",\"blob_\":\"/w==\",\"bits\":4095,\
             \"choice\":\"b\",\"latin\":\"\u{e9}\",\"wide\":\"\u{1f600}\"}",
            "{\"id\":2,\"big\":null,\"exact\":null,\"single_\":null,\"double_\":null,\"yes\":null,\
             \"day\":null,\"clock\":null,\"local_\":null,\"moment\":null,\"raw\":null,\
             \"blob_\":null,\"bits\":null,\"choice\":null,\"latin\":null,\"wide\":null}",
        ],
    )
    .await;
}

#[tokio::test]
async fn sqlite_gives_back_what_it_was_given() {
    let server = Server::sqlite();
    round_trip(
        &server,
        "kinds",
        "big INTEGER, yes BOOLEAN, ratio REAL, word TEXT, raw BLOB, loose",
        &[
            "{\"id\":1,\"big\":9223372036854775807,\"yes\":false,\"ratio\":0.30000000000000004,\
             \"word\":\"007\",\"raw\":\"AAH/\",\"loose\":\"x\"}",
            "{\"id\":2,\"big\":null,\"yes\":null,\"ratio\":null,\"word\":null,\"raw\":null,\
             \"loose\":7}",
        ],
    )
    .await;
}

#[tokio::test]
async fn what_a_column_would_not_keep_is_refused_by_name() {
    for server in Server::all().await {
        let columns = server.pick(
            "small smallint, money numeric(6,2), moment timestamp(0), short varchar(3), yes boolean",
            "small SMALLINT, money DECIMAL(6,2), moment DATETIME, short VARCHAR(3), yes BOOLEAN",
            "small INTEGER CHECK (small < 40000), money TEXT, moment TEXT, short TEXT CHECK (length(short) < 4), yes BOOLEAN",
        );
        server
            .run(&format!(
                "CREATE TABLE tight (id INTEGER PRIMARY KEY, {columns})"
            ))
            .await;
        let store = server.open(&["tight"]).await;
        let rows = [
            ("{\"id\":1,\"small\":40000}", "refused Content"),
            ("{\"id\":2,\"small\":\"7\"}", "value of `small` is a text"),
            ("{\"id\":3,\"short\":\"secret\"}", "refused Content"),
            ("{\"id\":4,\"yes\":3}", "value of `yes` is a number"),
            ("{\"id\":5,\"colour\":3}", "no column `colour`"),
            ("{\"id\":6,\"short\":\"yes\"}", "Created"),
        ];
        let payloads: Vec<&str> = rows.iter().map(|(payload, _)| *payload).collect();
        for (outcome, (payload, part)) in create(&store, "tight", &payloads).await.iter().zip(rows)
        {
            let told = told(outcome);
            assert!(told.contains(part), "{:?} {payload}: {told}", server.system);
            assert!(
                !told.contains("secret") && !told.contains("40000"),
                "{told}"
            );
        }
        if server.pick("", "", "sqlite") == "sqlite" {
            continue;
        }
        let rows = [
            "{\"id\":7,\"money\":1.555}",
            "{\"id\":8,\"moment\":\"2026-08-14T12:30:00.5\"}",
        ];
        let outcomes = create(&store, "tight", &rows).await;
        assert!(
            told(&outcomes[0]).contains("3 digits after the point"),
            "{outcomes:?}"
        );
        assert!(
            told(&outcomes[1]).contains("more digits of a second"),
            "{outcomes:?}"
        );
        assert_eq!(crate::server::payloads(&store, "tight").await.len(), 1);
    }
}

#[tokio::test]
async fn rows_that_json_cannot_say_are_collected_and_cover_nothing() {
    for server in Server::all().await {
        let sql = server.pick(
            "CREATE TABLE odd (id INTEGER PRIMARY KEY, v double precision, d date);
             INSERT INTO odd VALUES (1, 1.5, NULL), (2, 'NaN', NULL), (3, 2, 'infinity')",
            "CREATE TABLE odd (id INTEGER PRIMARY KEY, v TINYINT(1), d DATE);
             SET sql_mode = '';
             INSERT INTO odd VALUES (1, 1, NULL), (2, 7, NULL), (3, 0, '0000-00-00')",
            "CREATE TABLE odd (id INTEGER PRIMARY KEY, v INTEGER, d BOOLEAN);
             INSERT INTO odd VALUES (1, 1, NULL), (2, 'seven', NULL), (3, 1, 5)",
        );
        server.run(sql).await;
        let store = server.open(&["odd"]).await;
        let walk = contents(&store, "odd").await;
        assert_eq!(walk.records.len(), 1, "{:?}", server.system);
        let reasons: Vec<&str> = walk
            .rejected
            .iter()
            .map(|item| item.reason.as_str())
            .collect();
        assert!(reasons[0].contains("`v` cannot be told"), "{reasons:?}");
        assert!(reasons[1].contains("`d` cannot be told"), "{reasons:?}");
        assert!(walk.rejected[0].body.starts_with(b"{\"id\":2"));
        assert!(!walk.end.unwrap().0.is_complete());
    }
}

#[tokio::test]
async fn null_is_not_the_same_as_missing() {
    for server in Server::all().await {
        let sql = "CREATE TABLE t (id INTEGER PRIMARY KEY, a VARCHAR(9) DEFAULT 'x', b VARCHAR(9))";
        server.run(sql).await;
        let store = server.open(&["t"]).await;
        fill(
            &store,
            "t",
            &[r#"{"id":1,"b":"b"}"#, r#"{"id":2,"a":null,"b":"b"}"#],
        )
        .await;
        let expected = [
            r#"{"id":1,"a":"x","b":"b"}"#,
            r#"{"id":2,"a":null,"b":"b"}"#,
        ];
        assert_eq!(payloads(&store, "t").await, expected);
        let t = collection(&store, "t").await;
        let changes = [r#"{"id":1,"b":null}"#, r#"{"id":2,"a":"y"}"#];
        let changes = changes.map(|payload| Change::update(record(&t, payload)));
        write(&store, "t", changes.to_vec()).await;
        let expected = [
            r#"{"id":1,"a":"x","b":null}"#,
            r#"{"id":2,"a":"y","b":"b"}"#,
        ];
        assert_eq!(payloads(&store, "t").await, expected);
    }
}
