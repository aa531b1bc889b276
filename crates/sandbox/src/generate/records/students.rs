//! Students, their contacts, and where they are enrolled.

use jiff::civil::{Date, date};
use serde_json::{Value, json};

use super::{
    Emit, address, agency_reference, calendar_reference, day, descriptor, grade_level,
    school_reference, section_reference, student_id, student_reference, year_reference,
};
use crate::generate::GenerateError;
use crate::generate::calendar::days_after;
use crate::generate::courses::{Section, courses_of};
use crate::generate::dice::Use;
use crate::generate::district::District;
use crate::generate::words::{BOYS, GIRLS, STREETS, SURNAMES};

type Done = Result<(), GenerateError>;

/// Who a student is.
struct Person {
    first: &'static str,
    middle: Option<&'static str>,
    last: &'static str,
    female: bool,
    born: Date,
}

fn person(district: &District, index: u64) -> Person {
    let mut dice = district.dice(Use::Student, index);
    let female = dice.percent(49);
    let names = if female { &GIRLS } else { &BOYS };
    let (first, last) = (dice.pick(names), dice.pick(&SURNAMES));
    let middle = Some(dice.pick(names)).filter(|middle| *middle != first && dice.percent(60));
    // Children enter kindergarten at five, counted on the first of September.
    let years = i16::try_from(index % 13).unwrap_or_default() + 7;
    let oldest = date(district.year.year - years, 9, 2);
    let born = days_after(oldest, i64::try_from(dice.below(365)).unwrap_or_default());
    Person {
        first,
        middle,
        last,
        female,
        born,
    }
}

fn sex(female: bool) -> String {
    descriptor("Sex", if female { "Female" } else { "Male" })
}

pub(super) fn students(district: &District, emit: &mut Emit<'_>) -> Done {
    for index in 0..district.students {
        let person = person(district, index);
        let mut record = json!({
            "studentUniqueId": student_id(index),
            "firstName": person.first,
            "lastSurname": person.last,
            "birthDate": day(person.born),
            "birthSexDescriptor": sex(person.female),
        });
        if let Some(middle) = person.middle {
            record["middleName"] = json!(middle);
        }
        emit(record)?;
    }
    Ok(())
}

pub(super) fn enrolments(district: &District, emit: &mut Emit<'_>) -> Done {
    for index in 0..district.students {
        let school = district.school_of(index);
        let mut dice = district.dice(Use::Enrolment, index);
        let entry = if dice.percent(90) {
            "Next year school"
        } else {
            "Transfer"
        };
        emit(json!({
            "entryDate": day(district.year.first_day()),
            "schoolReference": school_reference(school),
            "studentReference": student_reference(index),
            "schoolYearTypeReference": year_reference(district),
            "calendarReference": calendar_reference(district, school),
            "entryGradeLevelDescriptor": grade_level(index % 13),
            "entryTypeDescriptor": descriptor("EntryType", entry),
            "residencyStatusDescriptor":
                descriptor("ResidencyStatus", "Resident of admin unit and school area"),
            "primarySchool": true,
        }))?;
    }
    Ok(())
}

const RACES: [&str; 6] = [
    "White",
    "White",
    "Black or African American",
    "Asian",
    "American Indian or Alaska Native",
    "Native Hawaiian or Pacific Islander",
];

pub(super) fn organizations(district: &District, emit: &mut Emit<'_>) -> Done {
    for index in 0..district.students {
        emit(organization(district, index))?;
    }
    Ok(())
}

fn organization(district: &District, index: u64) -> Value {
    let person = person(district, index);
    let mut dice = district.dice(Use::Home, index);
    let street = format!("{} {}", dice.between(100, 9899), dice.pick(&STREETS));
    let learner = dice.percent(12);
    let language = if learner {
        dice.pick(&["spa", "vie", "ara", "hin"])
    } else {
        "eng"
    };
    let proficiency = if learner { "Limited" } else { "NotLimited" };
    let mut record = json!({
        "educationOrganizationReference": agency_reference(district),
        "studentReference": student_reference(index),
        "sexDescriptor": sex(person.female),
        "hispanicLatinoEthnicity": dice.percent(40),
        "limitedEnglishProficiencyDescriptor":
            descriptor("LimitedEnglishProficiency", proficiency),
        "races": [{"raceDescriptor": descriptor("Race", dice.pick(&RACES))}],
        "languages": [{
            "languageDescriptor": descriptor("Language", language),
            "uses": [{"languageUseDescriptor": descriptor("LanguageUse", "Home language")}],
        }],
        "addresses": [address(district, "Home", &street)],
        "electronicMails": [{
            "electronicMailAddress": format!("s{}@students.example.org", student_id(index)),
            "electronicMailTypeDescriptor": descriptor("ElectronicMailType", "Organization"),
        }],
    });
    if dice.percent(38) {
        let kind = descriptor("StudentCharacteristic", "Economic Disadvantaged");
        record["studentCharacteristics"] = json!([{"studentCharacteristicDescriptor": kind}]);
    }
    record
}

/// How many contacts a student has.
fn contact_count(district: &District, index: u64) -> u64 {
    if district.dice(Use::Contact, index * 3).percent(40) {
        2
    } else {
        1
    }
}

fn contact_id(index: u64, which: u64) -> String {
    format!("{}", 400_000_000 + index * 2 + which)
}

pub(super) fn contacts(district: &District, emit: &mut Emit<'_>) -> Done {
    for index in 0..district.students {
        let last = person(district, index).last;
        for which in 0..contact_count(district, index) {
            let mut dice = district.dice(Use::Contact, index * 3 + 1 + which);
            let mother = which == 0;
            let names = if mother { &GIRLS } else { &BOYS };
            emit(json!({
                "contactUniqueId": contact_id(index, which),
                "firstName": dice.pick(names),
                "lastSurname": last,
                "sexDescriptor": sex(mother),
                "telephones": [{
                    "telephoneNumber": format!("(972) 555-{:04}", dice.below(10_000)),
                    "telephoneNumberTypeDescriptor": descriptor("TelephoneNumberType", "Mobile"),
                }],
            }))?;
        }
    }
    Ok(())
}

pub(super) fn contact_associations(district: &District, emit: &mut Emit<'_>) -> Done {
    for index in 0..district.students {
        for which in 0..contact_count(district, index) {
            let relation = if which == 0 { "Mother" } else { "Father" };
            emit(json!({
                "contactReference": {"contactUniqueId": contact_id(index, which)},
                "studentReference": student_reference(index),
                "relationDescriptor": descriptor("Relation", relation),
                "emergencyContactStatus": true,
                "livesWith": which == 0,
                "primaryContactStatus": which == 0,
            }))?;
        }
    }
    Ok(())
}

/// The sections a student attends.
pub(super) fn attended(district: &District, index: u64) -> impl Iterator<Item = Section> {
    let (school, number) = (district.school_of(index), district.section_of(index));
    courses_of(index % 13)
        .into_iter()
        .map(move |course| Section {
            course,
            school,
            number,
        })
}

/// Reference to the attendance of one section by one student.
pub(super) fn attendance_reference(district: &District, index: u64, section: Section) -> Value {
    let mut reference = section_reference(district, section);
    reference["beginDate"] = json!(day(district.year.first_day()));
    reference["studentUniqueId"] = json!(student_id(index));
    reference
}

pub(super) fn sections(district: &District, emit: &mut Emit<'_>) -> Done {
    let (begin, end) = district.year.span(0, 18);
    for index in 0..district.students {
        for section in attended(district, index) {
            emit(json!({
                "beginDate": day(begin),
                "endDate": day(end),
                "sectionReference": section_reference(district, section),
                "studentReference": student_reference(index),
                "homeroomIndicator": section.course.slot == 0,
            }))?;
        }
    }
    Ok(())
}
