//! What an error of the server means. Its texts hold values of rows, so that only the names in
//! them are shown.

use mysql_async::{DriverError, Error, IoError, ServerError};
use syncline_model::FailureClass;
use syncline_store::{ErrorKind, StoreError};

use crate::fault::Fault;
use crate::table::Table;

/// The fault an error stands for.
pub(crate) fn of(error: &Error, table: Option<&Table>) -> Fault {
    match error {
        Error::Server(told) => of_server(told, table),
        Error::Driver(DriverError::PacketTooLarge) => {
            Fault::row(FailureClass::Content, 1153, TOO_LARGE)
        }
        Error::Io(IoError::Io(cause)) => {
            Fault::Lost(format!("the connection to the server broke off: {cause}"))
        }
        _ => Fault::Lost("the connection to the server broke off".to_owned()),
    }
}

const TOO_LARGE: &str = "it is larger than the server takes at once (max_allowed_packet)";

fn of_server(told: &ServerError, table: Option<&Table>) -> Fault {
    let code = told.code;
    match code {
        1205 | 1213 | 3024 => Fault::busy(code, format!("another writer was in the way ({code})")),
        1040 | 1053 | 1077 | 1080 | 1158..=1161 | 1184 | 1317 | 1927 => {
            Fault::Lost(format!("the server ended the connection ({code})"))
        }
        1142 | 1143 | 1227 | 1370 => Fault::row(
            FailureClass::Denied,
            code,
            format!("the user of the database may not do this ({code})"),
        ),
        1062 | 1586 | 1169 => {
            let name = after(&told.message, "for key ");
            // Newer servers put the table before it.
            let name = name.rsplit('.').next().unwrap_or(&name);
            let constraint = constraint(name, table);
            Fault::row(
                FailureClass::Taken,
                code,
                format!("the unique constraint {constraint} is violated"),
            )
        }
        1216 | 1452 | 1217 | 1451 => {
            // The foreign key of another table refers to the row.
            let table = table.filter(|_| matches!(code, 1216 | 1452));
            let constraint = constraint(&after(&told.message, "CONSTRAINT "), table);
            let message = format!("the foreign key {constraint} is violated");
            Fault::row(FailureClass::MissingReference, code, message)
        }
        3819 | 4025 => {
            let name = after(&told.message, "CONSTRAINT ");
            let name = if name.is_empty() {
                after(&told.message, "constraint ")
            } else {
                name
            };
            let message = format!("the check {} is violated", constraint(&name, table));
            Fault::row(FailureClass::Content, code, message)
        }
        _ => by_column(told, table),
    }
}

/// What is wrong with the value of a column, or with a statement as a whole.
fn by_column(told: &ServerError, table: Option<&Table>) -> Fault {
    let code = told.code;
    let column = column(&told.message, table);
    let message = match code {
        1048 | 1364 => format!("there is no value{column}, which needs one"),
        1406 => format!("a text is longer than its column allows{column}"),
        1264 | 1690 => format!("a number is out of the range of its column{column}"),
        1265 | 1292 | 1366 | 1367 | 1411 | 3140 | 4038 => {
            format!("a value is not what its column takes{column} ({code})")
        }
        1153 => TOO_LARGE.to_owned(),
        1644 => "a rule or trigger of the table refuses it (1644)".to_owned(),
        1906 | 3105 => format!("the database works out the values{column} itself"),
        _ => return Fault::Store(as_error(told)),
    };
    Fault::row(FailureClass::Content, code, message)
}

fn as_error(told: &ServerError) -> StoreError {
    let kind = match told.code {
        1044 | 1045 | 1698 => ErrorKind::Denied,
        1049 | 1146 => ErrorKind::NotFound,
        1054 | 1064 | 1060 | 1103 => ErrorKind::Configuration,
        _ => ErrorKind::Unavailable,
    };
    StoreError::new(
        kind,
        format!("the server says: {} ({})", told.message, told.code),
    )
}

/// Why there is no connection.
pub(crate) fn connecting(error: &Error) -> StoreError {
    match error {
        Error::Server(told) => of_server(told, None).into_error(),
        Error::Io(IoError::Tls(cause)) => untrusted(cause),
        Error::Io(IoError::Io(cause)) if is_about_tls(cause) => untrusted(cause),
        Error::Io(IoError::Io(cause)) => {
            let message = format!("the server cannot be reached: {cause}");
            StoreError::new(ErrorKind::Unavailable, message)
        }
        _ => StoreError::new(ErrorKind::Unavailable, "the server cannot be reached"),
    }
}

fn is_about_tls(cause: &std::io::Error) -> bool {
    match cause.get_ref() {
        Some(inner) => inner.is::<rustls::Error>(),
        None => false,
    }
}

fn untrusted(cause: &dyn std::fmt::Display) -> StoreError {
    let message = format!("the server cannot be trusted: {cause}");
    StoreError::new(ErrorKind::Configuration, message).with_hint(
        "name the file of its authority as `ca_file`, or choose another `ssl-mode` in the URL",
    )
}

/// A column that the message ends with, by name.
fn column(message: &str, table: Option<&Table>) -> String {
    let named = ["for column ", "Column ", "column ", "Field "]
        .iter()
        .find_map(|before| {
            let name = after(message, before);
            table.and_then(|table| table.known_column(&name))
        });
    named.map_or_else(String::new, |name| format!(" in the column `{name}`"))
}

fn constraint(name: &str, table: Option<&Table>) -> String {
    match table {
        Some(table) if table.constraints.contains_key(name) => table.constraint(name),
        // What is not known could be part of a value.
        Some(_) => "of the table".to_owned(),
        None => format!("`{name}`"),
    }
}

/// The quoted name that follows the last place of some words, of dotted ones the last; values
/// come before it.
fn after(message: &str, words: &str) -> String {
    let Some((_, mut rest)) = message.rsplit_once(words) else {
        return String::new();
    };
    loop {
        let Some(quote) = rest
            .chars()
            .next()
            .filter(|first| matches!(first, '\'' | '`'))
        else {
            return String::new();
        };
        let mut parts = rest.splitn(3, quote).skip(1);
        let name = parts.next().unwrap_or_default();
        match parts.next().and_then(|rest| rest.strip_prefix('.')) {
            Some(further) => rest = further,
            None => return name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_behind_values() {
        let message = "Duplicate entry 'for key 'x'' for key 'users_email'";
        assert_eq!(after(message, "for key "), "users_email");
        let message =
            "fails (`db`.`t`, CONSTRAINT `fk_school` FOREIGN KEY (`s`) REFERENCES `s` (`id`))";
        assert_eq!(after(message, "CONSTRAINT "), "fk_school");
        let message = "Incorrect integer value: 'x' for column `db`.`t`.`age` at row 1";
        assert_eq!(after(message, "for column "), "age");
        assert_eq!(after("no such words", "for key "), "");
    }
}
