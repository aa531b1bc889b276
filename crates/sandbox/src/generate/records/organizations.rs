//! The agency, its schools, their rooms and their calendar.

use serde_json::{Value, json};

use super::{
    Emit, address, calendar_code, calendar_reference, day, descriptor, grade_level,
    period_reference, school_reference, session_name, year_reference,
};
use crate::generate::GenerateError;
use crate::generate::calendar::{PERIODS, SEMESTERS};
use crate::generate::courses::teachers_of;
use crate::generate::dice::Use;
use crate::generate::district::{District, School};
use crate::generate::words::STREETS;

type Done = Result<(), GenerateError>;

/// Class periods of every school.
const CLASS_PERIODS: u64 = 6;

pub(super) fn agencies(district: &District, emit: &mut Emit<'_>) -> Done {
    let category = descriptor("EducationOrganizationCategory", "Local Education Agency");
    emit(json!({
        "localEducationAgencyId": district.agency(),
        "nameOfInstitution": format!("{} Independent School District", district.town()),
        "shortNameOfInstitution": format!("{} ISD", district.town()),
        "categories": [{"educationOrganizationCategoryDescriptor": category}],
        "localEducationAgencyCategoryDescriptor":
            descriptor("LocalEducationAgencyCategory", "Regular public school district"),
        "operationalStatusDescriptor": descriptor("OperationalStatus", "Active"),
        "addresses": [address(district, "Physical", "1 Main Street")],
    }))
}

pub(super) fn schools(district: &District, emit: &mut Emit<'_>) -> Done {
    for school in district.schools() {
        emit(school_record(district, school))?;
    }
    Ok(())
}

fn school_record(district: &District, school: School) -> Value {
    let mut dice = district.dice(Use::School, school.id);
    let street = format!("{} {}", dice.between(100, 9899), dice.pick(&STREETS));
    let phone = format!("(972) 555-{:04}", dice.below(10_000));
    let category = descriptor("EducationOrganizationCategory", "School");
    let grade = |grade| json!({"gradeLevelDescriptor": grade_level(grade)});
    let grades: Vec<Value> = school.grades().map(grade).collect();
    json!({
        "schoolId": school.id,
        "localEducationAgencyReference": {"localEducationAgencyId": district.agency()},
        "nameOfInstitution": district.school_name(school),
        "educationOrganizationCategories": [{"educationOrganizationCategoryDescriptor": category}],
        "gradeLevels": grades,
        "schoolCategories":
            [{"schoolCategoryDescriptor": descriptor("SchoolCategory", school.level.title)}],
        "schoolTypeDescriptor": descriptor("SchoolType", "Regular"),
        "operationalStatusDescriptor": descriptor("OperationalStatus", "Active"),
        "addresses": [address(district, "Physical", &street)],
        "institutionTelephones": [{
            "institutionTelephoneNumberTypeDescriptor":
                descriptor("InstitutionTelephoneNumberType", "Main"),
            "telephoneNumber": phone,
        }],
    })
}

pub(super) fn class_periods(district: &District, emit: &mut Emit<'_>) -> Done {
    for school in district.schools() {
        for period in 1..=CLASS_PERIODS {
            emit(json!({
                "classPeriodName": format!("Period {period}"),
                "schoolReference": school_reference(school),
                "meetingTimes": [{
                    "startTime": format!("{:02}:00:00", 7 + period),
                    "endTime": format!("{:02}:50:00", 7 + period),
                }],
            }))?;
        }
    }
    Ok(())
}

pub(super) fn locations(district: &District, emit: &mut Emit<'_>) -> Done {
    for school in district.schools() {
        for teacher in teachers_of(district, school) {
            emit(json!({
                "classroomIdentificationCode": room(teacher.ordinal),
                "schoolReference": school_reference(school),
                "maximumNumberOfSeats": 30,
            }))?;
        }
    }
    Ok(())
}

/// Every teacher has a room.
pub(super) fn room(teacher: u64) -> String {
    format!("Room {}", 101 + teacher)
}

pub(super) fn calendars(district: &District, emit: &mut Emit<'_>) -> Done {
    for school in district.schools() {
        emit(json!({
            "calendarCode": calendar_code(school),
            "calendarTypeDescriptor": descriptor("CalendarType", "School"),
            "schoolReference": school_reference(school),
            "schoolYearTypeReference": year_reference(district),
        }))?;
    }
    Ok(())
}

pub(super) fn calendar_dates(district: &District, emit: &mut Emit<'_>) -> Done {
    for school in district.schools() {
        for (date, held) in district.year.weekdays() {
            let event = if held { "Instructional day" } else { "Holiday" };
            let event = descriptor("CalendarEvent", event);
            emit(json!({
                "calendarReference": calendar_reference(district, school),
                "date": day(date),
                "calendarEvents": [{"calendarEventDescriptor": event}],
            }))?;
        }
    }
    Ok(())
}

pub(super) fn grading_periods(district: &District, emit: &mut Emit<'_>) -> Done {
    for school in district.schools() {
        for (name, from, to, _) in PERIODS {
            let (begin, end) = district.year.span(from, to);
            emit(json!({
                "gradingPeriodDescriptor": descriptor("GradingPeriod", name),
                "gradingPeriodName": name,
                "schoolReference": school_reference(school),
                "schoolYearTypeReference": year_reference(district),
                "beginDate": day(begin),
                "endDate": day(end),
                "totalInstructionalDays": district.year.held_days(from, to),
            }))?;
        }
    }
    Ok(())
}

pub(super) fn sessions(district: &District, emit: &mut Emit<'_>) -> Done {
    for school in district.schools() {
        for (index, (term, from, to)) in SEMESTERS.into_iter().enumerate() {
            let (begin, end) = district.year.span(from, to);
            let within = (0..PERIODS.len()).filter(|period| PERIODS[*period].3 == index);
            let reference = |period| period_reference(district, school, period);
            let periods: Vec<Value> = within
                .map(|period| json!({"gradingPeriodReference": reference(period)}))
                .collect();
            emit(json!({
                "sessionName": session_name(district, index),
                "schoolReference": school_reference(school),
                "schoolYearTypeReference": year_reference(district),
                "termDescriptor": descriptor("Term", term),
                "beginDate": day(begin),
                "endDate": day(end),
                "totalInstructionalDays": district.year.held_days(from, to),
                "gradingPeriods": periods,
            }))?;
        }
    }
    Ok(())
}

pub(super) fn bell_schedules(district: &District, emit: &mut Emit<'_>) -> Done {
    for school in district.schools() {
        let period = |period| {
            let name = format!("Period {period}");
            json!({"classPeriodReference": {"classPeriodName": name, "schoolId": school.id}})
        };
        let periods: Vec<Value> = (1..=CLASS_PERIODS).map(period).collect();
        emit(json!({
            "bellScheduleName": "Regular Day",
            "schoolReference": school_reference(school),
            "startTime": "08:00:00",
            "endTime": "13:50:00",
            "classPeriods": periods,
        }))?;
    }
    Ok(())
}
