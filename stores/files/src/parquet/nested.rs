//! Values of lists, maps and members of members, as the record reader of the `parquet` crate hands
//! them out. Columns of which it would not tell what they mean are declined beforehand.

use parquet::data_type::Decimal;
use parquet::record::Field;

use super::moments::Fraction;
use super::stored::{Place, Stored};

/// Appends a value as JSON; or why it has no form there.
pub(super) fn write(field: &Field, out: &mut Vec<u8>) -> Result<(), &'static str> {
    let moment = |fraction| Stored::Moment {
        fraction,
        utc: true,
    };
    match field {
        Field::Null => plain("null", out),
        Field::Bool(value) => plain(value, out),
        Field::Byte(value) => plain(value, out),
        Field::Short(value) => plain(value, out),
        Field::Int(value) => plain(value, out),
        Field::Long(value) => plain(value, out),
        Field::UByte(value) => plain(value, out),
        Field::UShort(value) => plain(value, out),
        Field::UInt(value) => plain(value, out),
        Field::ULong(value) => plain(value, out),
        Field::Float(value) if value.is_finite() => plain(value, out),
        Field::Double(value) if value.is_finite() => plain(value, out),
        Field::Float(_) | Field::Double(_) => return Err("it is no finite number"),
        Field::Float16(_) => return Err("it is of a type that cannot be read"),
        Field::Decimal(value) => return decimal(value, out),
        Field::Str(text) => quote(text, out),
        Field::Bytes(bytes) => {
            return Stored::Bytes { length: None }.write_bytes(bytes.data(), out);
        }
        Field::Date(days) => return Stored::Days.write_number(i64::from(*days), out),
        Field::TimeMillis(time) => {
            return Stored::Clock(Fraction::Milli).write_number(i64::from(*time), out);
        }
        Field::TimeMicros(time) => {
            return Stored::Clock(Fraction::Micro).write_number(*time, out);
        }
        Field::TimestampMillis(time) => return moment(Fraction::Milli).write_number(*time, out),
        Field::TimestampMicros(time) => return moment(Fraction::Micro).write_number(*time, out),
        Field::Group(row) => return object(row.get_column_iter(), out),
        Field::ListInternal(list) => return array(list.elements(), out),
        Field::MapInternal(map) => return map_object(map.entries(), out),
    }
    Ok(())
}

fn plain(value: impl std::fmt::Display, out: &mut Vec<u8>) {
    out.extend_from_slice(value.to_string().as_bytes());
}

fn quote(text: &str, out: &mut Vec<u8>) {
    // Writing text into memory cannot fail.
    let _written = serde_json::to_writer(out, text);
}

fn decimal(value: &Decimal, out: &mut Vec<u8>) -> Result<(), &'static str> {
    let scale = u8::try_from(value.scale()).map_err(|_negative| "its scale cannot be read")?;
    let stored = Stored::Decimal {
        precision: value.precision(),
        scale,
        place: Place::Bytes,
    };
    stored.write_bytes(value.data(), out)
}

fn object<'field>(
    members: impl Iterator<Item = (&'field String, &'field Field)>,
    out: &mut Vec<u8>,
) -> Result<(), &'static str> {
    out.push(b'{');
    for (index, (name, value)) in members.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        quote(name, out);
        out.push(b':');
        write(value, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn array(elements: &[Field], out: &mut Vec<u8>) -> Result<(), &'static str> {
    out.push(b'[');
    for (index, value) in elements.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(value, out)?;
    }
    out.push(b']');
    Ok(())
}

/// Maps from text are objects; others cannot be.
fn map_object(entries: &[(Field, Field)], out: &mut Vec<u8>) -> Result<(), &'static str> {
    out.push(b'{');
    for (index, (key, value)) in entries.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let Field::Str(name) = key else {
            return Err("a key of its map is no text");
        };
        quote(name, out);
        out.push(b':');
        write(value, out)?;
    }
    out.push(b'}');
    Ok(())
}
