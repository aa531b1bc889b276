//! Staff: who they are, where they work, what they teach.

use jiff::civil::date;
use serde_json::{Value, json};

use super::{Emit, day, descriptor, section_reference, staff_id, staff_reference};
use crate::generate::GenerateError;
use crate::generate::calendar::days_after;
use crate::generate::courses::{Teacher, teachers_of};
use crate::generate::dice::Use;
use crate::generate::district::{District, School};
use crate::generate::words::{BOYS, GIRLS, SURNAMES};

type Done = Result<(), GenerateError>;

/// Offices that every school has, before its teachers.
const OFFICES: [&str; 2] = ["School Administrator", "School Counselor"];

pub(super) fn staffs(district: &District, emit: &mut Emit<'_>) -> Done {
    for school in district.schools() {
        for (ordinal, _) in members(district, school) {
            emit(person(district, school, ordinal))?;
        }
    }
    Ok(())
}

/// Number of each staff member in the school, and what they are.
fn members(district: &District, school: School) -> Vec<(u64, &'static str)> {
    let teacher = if school.level.first_grade == 0 {
        "Elementary Teacher"
    } else {
        "Secondary Teacher"
    };
    let offices = (0..).zip(OFFICES);
    let teachers = teachers_of(district, school);
    offices
        .chain(teachers.iter().map(|each| (number(each), teacher)))
        .collect()
}

fn number(teacher: &Teacher) -> u64 {
    teacher.ordinal + OFFICES.len() as u64
}

fn person(district: &District, school: School, ordinal: u64) -> Value {
    let id = staff_id(school, ordinal);
    let mut dice = district.dice(Use::Staff, school.index * 1000 + ordinal);
    let female = dice.percent(70);
    let first = if female {
        dice.pick(&GIRLS)
    } else {
        dice.pick(&BOYS)
    };
    let last = dice.pick(&SURNAMES);
    let year = district.year.year - 60;
    let born = days_after(
        date(year, 1, 1),
        i64::try_from(dice.below(35 * 365)).unwrap_or(0),
    );
    let mail = format!(
        "{}.{}{}@staff.example.org",
        first.to_lowercase(),
        last.to_lowercase(),
        ordinal + school.index * 1000
    );
    let sex = if female { "Female" } else { "Male" };
    let degree = if dice.percent(45) {
        "Master's"
    } else {
        "Bachelor's"
    };
    json!({
        "staffUniqueId": id,
        "firstName": first,
        "lastSurname": last,
        "birthDate": day(born),
        "sexDescriptor": descriptor("Sex", sex),
        "highestCompletedLevelOfEducationDescriptor":
            descriptor("LevelOfEducation", degree),
        "electronicMails": [{
            "electronicMailAddress": mail,
            "electronicMailTypeDescriptor": descriptor("ElectronicMailType", "Work"),
        }],
        "yearsOfPriorTeachingExperience": dice.below(20),
    })
}

pub(super) fn assignments(district: &District, emit: &mut Emit<'_>) -> Done {
    for school in district.schools() {
        for (ordinal, classification) in members(district, school) {
            emit(json!({
                "beginDate": day(district.year.first_day()),
                "staffClassificationDescriptor":
                    descriptor("StaffClassification", classification),
                "educationOrganizationReference": {"educationOrganizationId": school.id},
                "staffReference": staff_reference(school, ordinal),
                "positionTitle": classification,
            }))?;
        }
    }
    Ok(())
}

pub(super) fn sections(district: &District, emit: &mut Emit<'_>) -> Done {
    for school in district.schools() {
        for teacher in teachers_of(district, school) {
            for section in &teacher.sections {
                emit(json!({
                    "beginDate": day(district.year.first_day()),
                    "sectionReference": section_reference(district, *section),
                    "staffReference": staff_reference(school, number(&teacher)),
                    "classroomPositionDescriptor":
                        descriptor("ClassroomPosition", "Teacher of Record"),
                }))?;
            }
        }
    }
    Ok(())
}
