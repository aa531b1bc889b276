//! The records of a district, collection by collection, in the order in which they can be loaded.

mod instruction;
mod organizations;
mod results;
mod staff;
mod students;

use jiff::civil::Date;
use serde_json::{Value, json};

use super::GenerateError;
use super::calendar::SEMESTERS;
use super::courses::{Course, Section};
use super::district::{District, School};

/// Takes one record after the other.
pub(super) type Emit<'a> = dyn FnMut(Value) -> Result<(), GenerateError> + 'a;

/// Makes all records of one collection.
type Maker = fn(&District, &mut Emit<'_>) -> Result<(), GenerateError>;

/// Collections in load order.
pub(super) const COLLECTIONS: [(&str, Maker); 31] = [
    ("localEducationAgencies", organizations::agencies),
    ("schools", organizations::schools),
    ("classPeriods", organizations::class_periods),
    ("locations", organizations::locations),
    ("calendars", organizations::calendars),
    ("calendarDates", organizations::calendar_dates),
    ("gradingPeriods", organizations::grading_periods),
    ("sessions", organizations::sessions),
    ("bellSchedules", organizations::bell_schedules),
    ("courses", instruction::courses),
    ("courseOfferings", instruction::course_offerings),
    ("sections", instruction::sections),
    ("gradebookEntries", instruction::gradebook_entries),
    ("programs", results::programs),
    ("assessments", results::assessments),
    ("staffs", staff::staffs),
    (
        "staffEducationOrganizationAssignmentAssociations",
        staff::assignments,
    ),
    ("staffSectionAssociations", staff::sections),
    ("students", students::students),
    ("studentSchoolAssociations", students::enrolments),
    (
        "studentEducationOrganizationAssociations",
        students::organizations,
    ),
    ("contacts", students::contacts),
    ("studentContactAssociations", students::contact_associations),
    ("studentSectionAssociations", students::sections),
    ("studentSchoolAttendanceEvents", results::attendance),
    ("grades", results::grades),
    ("studentProgramAssociations", results::participations),
    ("studentAssessments", results::student_assessments),
    ("disciplineIncidents", results::incidents),
    (
        "studentDisciplineIncidentBehaviorAssociations",
        results::behaviors,
    ),
    ("disciplineActions", results::actions),
];

/// A value of the standard's own namespace.
fn descriptor(name: &str, code: &str) -> String {
    format!("uri://ed-fi.org/{name}Descriptor#{code}")
}

fn grade_level(grade: u64) -> String {
    descriptor("GradeLevel", super::district::grade_name(grade))
}

fn day(date: Date) -> String {
    date.to_string()
}

fn school_reference(school: School) -> Value {
    json!({"schoolId": school.id})
}

fn student_id(index: u64) -> String {
    format!("{}", 200_000_000 + index)
}

fn student_reference(index: u64) -> Value {
    json!({"studentUniqueId": student_id(index)})
}

/// Staff are numbered by school, so that nobody has to count those of the schools before.
fn staff_reference(school: School, ordinal: u64) -> Value {
    json!({"staffUniqueId": staff_id(school, ordinal)})
}

fn staff_id(school: School, ordinal: u64) -> String {
    format!("{}", 300_000_000 + school.index * 1000 + ordinal)
}

fn year_reference(district: &District) -> Value {
    json!({"schoolYear": district.year.year})
}

fn session_name(district: &District, semester: usize) -> String {
    format!("{} {}", district.year.year, SEMESTERS[semester].0)
}

fn session_reference(district: &District, school: School, semester: usize) -> Value {
    json!({
        "schoolId": school.id,
        "schoolYear": district.year.year,
        "sessionName": session_name(district, semester),
    })
}

fn calendar_reference(district: &District, school: School) -> Value {
    json!({
        "calendarCode": calendar_code(school),
        "schoolId": school.id,
        "schoolYear": district.year.year,
    })
}

fn calendar_code(school: School) -> String {
    format!("CAL-{}", school.id)
}

fn period_reference(district: &District, school: School, period: usize) -> Value {
    let (name, ..) = super::calendar::PERIODS[period];
    json!({
        "gradingPeriodDescriptor": descriptor("GradingPeriod", name),
        "gradingPeriodName": name,
        "schoolId": school.id,
        "schoolYear": district.year.year,
    })
}

fn offering_reference(district: &District, school: School, course: Course) -> Value {
    let mut reference = session_reference(district, school, 0);
    reference["localCourseCode"] = json!(course.code());
    reference
}

fn section_reference(district: &District, section: Section) -> Value {
    let mut reference = offering_reference(district, section.school, section.course);
    reference["sectionIdentifier"] = json!(section.identifier());
    reference
}

fn agency_reference(district: &District) -> Value {
    json!({"educationOrganizationId": district.agency()})
}

/// `kind` is an item of a collection of addresses.
fn address(district: &District, kind: &str, street: &str) -> Value {
    json!({
        "addressTypeDescriptor": descriptor("AddressType", kind),
        "city": district.town(),
        "postalCode": district.postal_code(),
        "stateAbbreviationDescriptor": descriptor("StateAbbreviation", "TX"),
        "streetNumberName": street,
    })
}
