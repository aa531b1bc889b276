//! What is taught, where and when.

use serde_json::{Value, json};

use super::organizations::room;
use super::{
    Emit, agency_reference, day, descriptor, grade_level, offering_reference, period_reference,
    school_reference, section_reference, session_reference,
};
use crate::generate::GenerateError;
use crate::generate::courses::{Course, Section, all_courses, courses_of, sections_of};
use crate::generate::district::District;

type Done = Result<(), GenerateError>;

/// Entries in the gradebook of a section: title, kind, week in which it is set.
const ENTRIES: [(&str, &str, i64); 2] = [
    ("Unit 1 homework", "Homework", 2),
    ("Unit 1 test", "Unit Test", 5),
];

pub(super) fn courses(district: &District, emit: &mut Emit<'_>) -> Done {
    for course in all_courses() {
        emit(course_record(district, course))?;
    }
    Ok(())
}

fn course_record(district: &District, course: Course) -> Value {
    let title = match course.grade {
        0 => format!("{}, Kindergarten", course.title),
        1..=5 => format!("{}, Grade {}", course.title, course.grade),
        _ => course.title.to_owned(),
    };
    json!({
        "courseCode": course.code(),
        "educationOrganizationReference": agency_reference(district),
        "courseTitle": title,
        "numberOfParts": 1,
        "academicSubjects":
            [{"academicSubjectDescriptor": descriptor("AcademicSubject", course.subject)}],
        "identificationCodes": [{
            "courseIdentificationSystemDescriptor":
                descriptor("CourseIdentificationSystem", "LEA course code"),
            "identificationCode": course.code(),
        }],
        "levelCharacteristics": [{
            "courseLevelCharacteristicDescriptor":
                descriptor("CourseLevelCharacteristic", "Core Subject"),
        }],
        "offeredGradeLevels": [{"gradeLevelDescriptor": grade_level(course.grade)}],
    })
}

pub(super) fn course_offerings(district: &District, emit: &mut Emit<'_>) -> Done {
    for school in district.schools() {
        for course in school.grades().flat_map(courses_of) {
            let mut target = agency_reference(district);
            target["courseCode"] = json!(course.code());
            emit(json!({
                "localCourseCode": course.code(),
                "courseReference": target,
                "schoolReference": school_reference(school),
                "sessionReference": session_reference(district, school, 0),
                "localCourseTitle": course.title,
            }))?;
        }
    }
    Ok(())
}

pub(super) fn sections(district: &District, emit: &mut Emit<'_>) -> Done {
    for school in district.schools() {
        for section in sections_of(district, school) {
            emit(section_record(district, section))?;
        }
    }
    Ok(())
}

fn section_record(district: &District, section: Section) -> Value {
    let (school, course) = (section.school, section.course);
    let period = format!("Period {}", course.period());
    let room = room(section.teacher(district));
    json!({
        "sectionIdentifier": section.identifier(),
        "courseOfferingReference": offering_reference(district, school, course),
        "locationReference": {"classroomIdentificationCode": room, "schoolId": school.id},
        "sectionName": format!("{} {}", course.title, section.number + 1),
        "sequenceOfCourse": 1,
        "classPeriods": [{
            "classPeriodReference": {"classPeriodName": period, "schoolId": school.id},
        }],
    })
}

pub(super) fn gradebook_entries(district: &District, emit: &mut Emit<'_>) -> Done {
    for school in district.schools() {
        for section in sections_of(district, school) {
            for (title, kind, week) in ENTRIES {
                let identifier = format!("{}-{}-{week}", school.id, section.identifier());
                emit(json!({
                    "gradebookEntryIdentifier": identifier,
                    "namespace": "uri://gradebook.example.org",
                    "sectionReference": section_reference(district, section),
                    "gradingPeriodReference": period_reference(district, school, 0),
                    "gradebookEntryTypeDescriptor": descriptor("GradebookEntryType", kind),
                    "dateAssigned": day(district.year.held_in_fall(week * 5)),
                    "dueDate": day(district.year.held_in_fall(week * 5 + 4)),
                    "sourceSectionIdentifier": section.identifier(),
                    "title": format!("{}: {title}", section.course.title),
                    "maxPoints": 100,
                }))?;
            }
        }
    }
    Ok(())
}
