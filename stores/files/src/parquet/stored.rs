//! The types that columns of existing files have: what their values are as JSON, and back.
//!
//! Both ways are exact: what is written reads as what was to be written, or it is no value of the
//! column. Reasons name no values.

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Unit;
use jiff::civil::Time;
use parquet::basic::{ConvertedType, LogicalType, Type as Physical};
use parquet::data_type::ByteArray;
use parquet::schema::types::Type;
use syncline_model::FieldKind;

use super::decimal::{Digits, text_of};
use super::form::{Value, days, text};
use super::moments::{Fraction, clock_of, date_of, moment, moment_of};

/// Most digits of a decimal number, as the format has them.
const DIGITS_MAX: i32 = 38;

/// How a column of a file holds its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    Boolean,
    Whole {
        bits: u32,
        signed: bool,
    },
    Float,
    Double,
    Decimal {
        precision: i32,
        scale: u8,
        place: Place,
    },
    Days,
    /// Times of day in fractions of a second.
    Clock(Fraction),
    /// Points in time, in UTC or where no zone is known.
    Moment {
        fraction: Fraction,
        utc: bool,
    },
    /// Points in time of old files; they are read only.
    OldMoment,
    Text,
    Bytes {
        length: Option<usize>,
    },
    Uuid,
}

/// Where the digits of a decimal number are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Int32,
    Int64,
    Bytes,
    Fixed(usize),
}

impl Stored {
    /// How a primitive column holds its values; nothing if it is of a type that cannot be read.
    pub(crate) fn of(column: &Type) -> Option<Self> {
        let info = column.get_basic_info();
        let logical = info.logical_type_ref();
        let converted = info.converted_type();
        match column.get_physical_type() {
            Physical::BOOLEAN => Some(Self::Boolean),
            Physical::FLOAT => Some(Self::Float),
            Physical::DOUBLE => Some(Self::Double),
            Physical::INT96 => Some(Self::OldMoment),
            Physical::INT32 => Self::of_number(logical, converted, (column, 32)),
            Physical::INT64 => Self::of_number(logical, converted, (column, 64)),
            Physical::BYTE_ARRAY => Self::of_bytes(logical, converted, (column, None)),
            Physical::FIXED_LEN_BYTE_ARRAY => {
                let Type::PrimitiveType { type_length, .. } = column else {
                    return None;
                };
                let length = usize::try_from(*type_length).ok()?;
                Self::of_bytes(logical, converted, (column, Some(length)))
            }
        }
    }

    fn of_number(
        logical: Option<&LogicalType>,
        converted: ConvertedType,
        (column, bits): (&Type, u32),
    ) -> Option<Self> {
        let moment = |fraction, utc| Some(Self::Moment { fraction, utc });
        let whole = |bits, signed| Some(Self::Whole { bits, signed });
        match logical {
            Some(LogicalType::Integer(int)) => {
                return whole(u32::try_from(int.bit_width).ok()?, int.is_signed);
            }
            Some(LogicalType::Timestamp(one)) => {
                return moment(Fraction::of(one.unit), one.is_adjusted_to_u_t_c);
            }
            Some(LogicalType::Time(one)) => return Some(Self::Clock(Fraction::of(one.unit))),
            _ => {}
        }
        match converted {
            ConvertedType::NONE => whole(bits, true),
            ConvertedType::INT_8 => whole(8, true),
            ConvertedType::INT_16 => whole(16, true),
            ConvertedType::INT_32 => whole(32, true),
            ConvertedType::INT_64 => whole(64, true),
            ConvertedType::UINT_8 => whole(8, false),
            ConvertedType::UINT_16 => whole(16, false),
            ConvertedType::UINT_32 => whole(32, false),
            ConvertedType::UINT_64 => whole(64, false),
            ConvertedType::DATE => Some(Self::Days),
            ConvertedType::TIME_MILLIS => Some(Self::Clock(Fraction::Milli)),
            ConvertedType::TIME_MICROS => Some(Self::Clock(Fraction::Micro)),
            ConvertedType::TIMESTAMP_MILLIS => moment(Fraction::Milli, true),
            ConvertedType::TIMESTAMP_MICROS => moment(Fraction::Micro, true),
            ConvertedType::DECIMAL if bits == 32 => Self::decimal(column, Place::Int32),
            ConvertedType::DECIMAL => Self::decimal(column, Place::Int64),
            _ => None,
        }
    }

    fn of_bytes(
        logical: Option<&LogicalType>,
        converted: ConvertedType,
        (column, length): (&Type, Option<usize>),
    ) -> Option<Self> {
        match (logical, converted) {
            (Some(LogicalType::Uuid), _) => (length == Some(16)).then_some(Self::Uuid),
            (_, ConvertedType::DECIMAL) => {
                Self::decimal(column, length.map_or(Place::Bytes, Place::Fixed))
            }
            (_, ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON) => {
                length.is_none().then_some(Self::Text)
            }
            (None, ConvertedType::NONE) => Some(Self::Bytes { length }),
            _ => None,
        }
    }

    fn decimal(column: &Type, place: Place) -> Option<Self> {
        let (precision, scale) = (column.get_precision(), column.get_scale());
        (precision <= DIGITS_MAX).then_some(Self::Decimal {
            precision,
            scale: u8::try_from(scale).ok()?,
            place,
        })
    }

    /// What values of the column are.
    pub(crate) const fn kind(self) -> FieldKind {
        match self {
            Self::Boolean => FieldKind::Boolean,
            Self::Whole { .. } => FieldKind::Integer,
            Self::Float | Self::Double => FieldKind::Number,
            Self::Decimal { .. } => FieldKind::Decimal,
            Self::Days => FieldKind::Date,
            Self::Clock(_) => FieldKind::Time,
            Self::Moment { .. } | Self::OldMoment => FieldKind::Timestamp,
            Self::Text | Self::Uuid => FieldKind::Text,
            Self::Bytes { .. } => FieldKind::Bytes,
        }
    }

    /// What a value has to be to stand in the column.
    pub(crate) const fn wanted(self) -> &'static str {
        match self {
            Self::Boolean => "true or false was expected",
            Self::Whole { .. } => "a whole number that its column holds was expected",
            Self::Float | Self::Double => {
                "a number that its column keeps to the digit was expected"
            }
            Self::Decimal { .. } => "a number with no more digits than its column has was expected",
            Self::Days => "a date was expected, such as 2026-08-14",
            Self::Clock(_) => "a time of day as fine as its column was expected",
            Self::Moment { utc: true, .. } => {
                "a point in time in UTC, as fine as its column, was expected"
            }
            Self::Moment { .. } | Self::OldMoment => {
                "a point in time without a zone, as fine as its column, was expected"
            }
            Self::Text => "text was expected",
            Self::Bytes { .. } => "Base64 text of as many bytes as its column takes was expected",
            Self::Uuid => "a UUID was expected",
        }
    }

    /// A value out of its JSON text, if the column holds it.
    pub(super) fn value(self, json: &str) -> Option<Value> {
        match self {
            Self::Boolean => json.parse().ok().map(Value::Boolean),
            Self::Whole { bits, signed } => whole(json, bits, signed),
            Self::Float => {
                let value: f32 = json.parse().ok()?;
                kept(json, value.is_finite(), &value.to_string()).then_some(Value::Float(value))
            }
            Self::Double => {
                let value: f64 = json.parse().ok()?;
                kept(json, value.is_finite(), &value.to_string()).then_some(Value::Number(value))
            }
            Self::Decimal {
                precision,
                scale,
                place,
            } => {
                let unscaled = Digits::of(json)?.unscaled(precision, i32::from(scale))?;
                unscaled_value(unscaled, place)
            }
            Self::Days => days(&text(json)).map(Value::Days),
            Self::Clock(fraction) => {
                let time: Time = quoted(json)?.parse().ok()?;
                let since = Time::midnight().until((Unit::Nanosecond, time)).ok()?;
                let value = fraction.whole(i128::from(since.get_nanoseconds()))?;
                match fraction {
                    Fraction::Milli => i32::try_from(value).ok().map(Value::Days),
                    _ => Some(Value::Integer(value)),
                }
            }
            Self::Moment { fraction, utc } => {
                moment(&quoted(json)?, fraction, utc).map(Value::Integer)
            }
            Self::OldMoment => None,
            Self::Text => Some(Value::Text(ByteArray::from(
                text(json).into_owned().into_bytes(),
            ))),
            Self::Bytes { length } => {
                let bytes = STANDARD.decode(quoted(json)?.as_bytes()).ok()?;
                let fits = length.is_none_or(|length| bytes.len() == length);
                fits.then(|| fixed_or_not(length, bytes))
            }
            Self::Uuid => uuid_bytes(&quoted(json)?).map(|bytes| fixed_or_not(Some(16), bytes)),
        }
    }

    /// Appends a whole number (of any of the types that are stored as one) as JSON.
    pub(super) fn write_number(self, number: i64, out: &mut Vec<u8>) -> Result<(), &'static str> {
        let written = match self {
            Self::Whole {
                bits,
                signed: false,
            } => {
                let mask = u64::MAX >> 64_u32.saturating_sub(bits);
                (number.cast_unsigned() & mask).to_string()
            }
            Self::Decimal { scale, .. } => text_of(i128::from(number), usize::from(scale)),
            Self::Days => {
                let day = i32::try_from(number).ok().and_then(date_of);
                quote(day.ok_or(NO_DATE)?)
            }
            Self::Clock(fraction) => quote(clock_of(number, fraction).ok_or(NO_DATE)?),
            Self::Moment { fraction, utc } => {
                let nanos = i128::from(number) * fraction.nanos();
                quote(moment_of(nanos, utc).ok_or(NO_DATE)?)
            }
            _ => number.to_string(),
        };
        out.extend_from_slice(written.as_bytes());
        Ok(())
    }

    /// Appends a point in time of an old file.
    pub(super) fn write_old_moment(nanos: i128, out: &mut Vec<u8>) -> Result<(), &'static str> {
        let written = quote(moment_of(nanos, false).ok_or(NO_DATE)?);
        out.extend_from_slice(written.as_bytes());
        Ok(())
    }

    /// Appends bytes (of any of the types that are stored as such) as JSON.
    pub(super) fn write_bytes(self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), &'static str> {
        let text: Cow<'_, str> = match self {
            Self::Decimal { scale, .. } => {
                let unscaled = big_endian(bytes).ok_or("it has more digits than can be read")?;
                let text = text_of(unscaled, usize::from(scale));
                out.extend_from_slice(text.as_bytes());
                return Ok(());
            }
            Self::Bytes { .. } => STANDARD.encode(bytes).into(),
            Self::Uuid => uuid_text(bytes).into(),
            _ => std::str::from_utf8(bytes)
                .map_err(|_no_text| "it is no text in UTF-8")?
                .into(),
        };
        // Writing text into memory cannot fail.
        let _written = serde_json::to_writer(out, &text);
        Ok(())
    }
}

const NO_DATE: &str = "it is beyond the dates that can be read";

/// A JSON text without its quotes.
fn quoted(json: &str) -> Option<Cow<'_, str>> {
    json.starts_with('"').then(|| text(json))
}

fn quote(text: impl std::fmt::Display) -> String {
    format!("\"{text}\"")
}

/// Whether a number that was kept is the number that was to be kept.
fn kept(json: &str, is_finite: bool, printed: &str) -> bool {
    is_finite && Digits::of(json).is_some_and(|wanted| Digits::of(printed) == Some(wanted))
}

fn whole(json: &str, bits: u32, signed: bool) -> Option<Value> {
    let number: i128 = json.parse().ok().filter(|_| json != "-0")?;
    let (least, most) = if signed {
        (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1)
    } else {
        (0, (1_i128 << bits) - 1)
    };
    if number < least || number > most {
        return None;
    }
    if bits <= 32 {
        let signed = i32::try_from(number).or_else(|_| u32::try_from(number).map(u32::cast_signed));
        return signed.ok().map(Value::Days);
    }
    let signed = i64::try_from(number).or_else(|_| u64::try_from(number).map(u64::cast_signed));
    signed.ok().map(Value::Integer)
}

fn unscaled_value(unscaled: i128, place: Place) -> Option<Value> {
    let length = match place {
        Place::Int32 => return i32::try_from(unscaled).ok().map(Value::Days),
        Place::Int64 => return i64::try_from(unscaled).ok().map(Value::Integer),
        Place::Bytes => return Some(fixed_or_not(None, unscaled.to_be_bytes().to_vec())),
        Place::Fixed(length) => length,
    };
    let all = unscaled.to_be_bytes();
    let filler = if unscaled < 0 { 0xff } else { 0 };
    let mut value = vec![filler; length.saturating_sub(all.len())];
    let (dropped, rest) = all.split_at(all.len().saturating_sub(length));
    value.extend_from_slice(rest);
    let has_sign = rest.first().is_some_and(|byte| *byte >= 0x80);
    let fits = dropped.iter().all(|byte| *byte == filler) && has_sign == (unscaled < 0);
    fits.then(|| fixed_or_not(Some(length), value))
}

fn fixed_or_not(length: Option<usize>, bytes: Vec<u8>) -> Value {
    let bytes = ByteArray::from(bytes);
    match length {
        None => Value::Text(bytes),
        Some(_) => Value::Fixed(bytes.into()),
    }
}

fn big_endian(bytes: &[u8]) -> Option<i128> {
    let filler = if bytes.first()? & 0x80 == 0 { 0 } else { 0xff };
    let cut = bytes.len().saturating_sub(16);
    let (dropped, rest) = bytes.split_at(cut);
    if dropped.iter().any(|byte| *byte != filler) {
        return None;
    }
    let mut all = [filler; 16];
    all.get_mut(16 - rest.len()..)?.copy_from_slice(rest);
    Some(i128::from_be_bytes(all))
}

fn uuid_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing text into memory cannot fail.
        let _written = write!(text, "{byte:02x}");
    }
    text
}

fn uuid_bytes(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
    if text.len() != 36 || digits.len() != 32 {
        return None;
    }
    let pairs = digits.chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value passes through its column and comes out as it went in.
    #[track_caller]
    fn check(stored: Stored, json: &str, expected: &str) {
        let mut out = Vec::new();
        match stored.value(json).unwrap() {
            Value::Days(number) => stored.write_number(i64::from(number), &mut out).unwrap(),
            Value::Integer(number) => stored.write_number(number, &mut out).unwrap(),
            Value::Text(bytes) => stored.write_bytes(bytes.data(), &mut out).unwrap(),
            Value::Fixed(bytes) => stored.write_bytes(bytes.data(), &mut out).unwrap(),
            Value::Number(number) => out.extend(number.to_string().bytes()),
            Value::Float(number) => out.extend(number.to_string().bytes()),
            Value::Boolean(boolean) => out.extend(boolean.to_string().bytes()),
        }
        assert_eq!(
            String::from_utf8(out).unwrap(),
            expected,
            "{json} as {stored:?}"
        );
    }

    #[track_caller]
    fn refuse(stored: Stored, json: &str) {
        assert_eq!(stored.value(json), None, "{json} as {stored:?}");
    }

    const fn decimal(place: Place) -> Stored {
        Stored::Decimal {
            precision: 9,
            scale: 2,
            place,
        }
    }

    #[test]
    fn whole_numbers_have_the_bounds_of_their_column() {
        let of = |bits, signed| Stored::Whole { bits, signed };
        check(of(8, true), "-128", "-128");
        check(of(32, false), "4294967295", "4294967295");
        check(
            of(64, false),
            "18446744073709551615",
            "18446744073709551615",
        );
        check(of(64, true), "-9223372036854775808", "-9223372036854775808");
        refuse(of(8, true), "128");
        refuse(of(16, false), "-1");
        refuse(of(32, true), "1.0");
        refuse(of(64, true), "\"7\"");
    }

    #[test]
    fn numbers_are_kept_to_the_digit_or_not_at_all() {
        check(Stored::Double, "0.30000000000000004", "0.30000000000000004");
        check(Stored::Double, "1.50", "1.5");
        check(Stored::Float, "0.1", "0.1");
        refuse(Stored::Float, "0.123456789");
        refuse(Stored::Double, "9007199254740993");
        refuse(Stored::Double, "1e999");
        for place in [
            Place::Int32,
            Place::Int64,
            Place::Bytes,
            Place::Fixed(4),
            Place::Fixed(20),
        ] {
            check(decimal(place), "-1234567.89", "-1234567.89");
            check(decimal(place), "0.5", "0.50");
            refuse(decimal(place), "0.005");
            refuse(decimal(place), "12345678.90");
        }
        refuse(decimal(Place::Fixed(2)), "1234567.89");
    }

    #[test]
    fn times_are_as_fine_as_their_column() {
        let moment = |fraction, utc| Stored::Moment { fraction, utc };
        let day = "\"2026-03-01T14:30:00.25Z\"";
        check(moment(Fraction::Milli, true), day, day);
        check(moment(Fraction::Nano, true), day, day);
        let local = "\"2026-03-01T14:30:00.000001\"";
        check(moment(Fraction::Micro, false), local, local);
        refuse(moment(Fraction::Milli, false), local);
        refuse(moment(Fraction::Micro, false), day);
        refuse(moment(Fraction::Micro, true), local);
        check(
            Stored::Clock(Fraction::Milli),
            "\"09:30:00.5\"",
            "\"09:30:00.5\"",
        );
        check(
            Stored::Clock(Fraction::Nano),
            "\"00:00:00\"",
            "\"00:00:00\"",
        );
        refuse(Stored::Clock(Fraction::Milli), "\"09:30:00.0005\"");
        check(Stored::Days, "\"1969-12-31\"", "\"1969-12-31\"");
    }

    #[test]
    fn bytes_are_base64_and_uuids_are_text() {
        check(Stored::Bytes { length: None }, "\"aGk=\"", "\"aGk=\"");
        refuse(Stored::Bytes { length: Some(3) }, "\"aGk=\"");
        refuse(Stored::Bytes { length: None }, "\"a*\"");
        let uuid = "\"0b5c6f8e-0000-4000-8000-00000000abcd\"";
        check(Stored::Uuid, uuid, uuid);
        refuse(Stored::Uuid, "\"0b5c6f8e\"");
        check(Stored::Text, r#""a\"é""#, r#""a\"é""#);
    }
}
