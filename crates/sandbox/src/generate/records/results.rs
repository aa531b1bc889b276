//! What becomes of students: attendance, grades, programs, assessments, discipline.

use serde_json::{Value, json};

use super::students::{attendance_reference, attended};
use super::{
    Emit, agency_reference, day, descriptor, grade_level, period_reference, school_reference,
    session_reference, student_id, student_reference, year_reference,
};
use crate::generate::GenerateError;
use crate::generate::dice::Use;
use crate::generate::district::District;
use crate::generate::words::REASONS;

type Done = Result<(), GenerateError>;

pub(super) fn attendance(district: &District, emit: &mut Emit<'_>) -> Done {
    for index in 0..district.students {
        let mut dice = district.dice(Use::Attendance, index);
        let first = dice.below(30);
        for event in 0..dice.below(4) {
            let ordinal = i64::try_from(first + event * 17).unwrap_or_default();
            emit(attendance_event(district, index, ordinal))?;
        }
    }
    Ok(())
}

fn attendance_event(district: &District, index: u64, ordinal: i64) -> Value {
    const KINDS: [&str; 4] = [
        "Tardy",
        "Excused Absence",
        "Excused Absence",
        "Unexcused Absence",
    ];
    let place = ordinal.unsigned_abs() + 1000 * (index + 1);
    let mut dice = district.dice(Use::Attendance, place.wrapping_mul(2) + 1);
    let school = district.school_of(index);
    json!({
        "attendanceEventCategoryDescriptor":
            descriptor("AttendanceEventCategory", dice.pick(&KINDS)),
        "eventDate": day(district.year.held_in_fall(ordinal)),
        "schoolReference": school_reference(school),
        "sessionReference": session_reference(district, school, 0),
        "studentReference": student_reference(index),
        "attendanceEventReason": dice.pick(&REASONS),
    })
}

pub(super) fn grades(district: &District, emit: &mut Emit<'_>) -> Done {
    for index in 0..district.students {
        for section in attended(district, index) {
            let mut dice = district.dice(Use::Grade, index * 4 + section.course.slot);
            let points = 55 + dice.below(24) + dice.below(22);
            emit(json!({
                "gradeTypeDescriptor": descriptor("GradeType", "Grading Period"),
                "gradingPeriodReference": period_reference(district, section.school, 0),
                "studentSectionAssociationReference":
                    attendance_reference(district, index, section),
                "numericGradeEarned": points,
                "letterGradeEarned": letter(points),
            }))?;
        }
    }
    Ok(())
}

fn letter(points: u64) -> &'static str {
    match points {
        90.. => "A",
        80.. => "B",
        70.. => "C",
        60.. => "D",
        _ => "F",
    }
}

/// Programs of the agency: name, type, share of students in a hundred.
const PROGRAMS: [(&str, &str, u64); 3] = [
    (
        "English as a Second Language",
        "English as a Second Language (ESL)",
        12,
    ),
    ("Gifted and Talented", "Gifted and Talented", 8),
    ("Career Pathways", "Career and Technical Education", 10),
];

pub(super) fn programs(district: &District, emit: &mut Emit<'_>) -> Done {
    for (name, kind, _) in PROGRAMS {
        emit(json!({
            "programName": name,
            "programTypeDescriptor": descriptor("ProgramType", kind),
            "educationOrganizationReference": agency_reference(district),
        }))?;
    }
    Ok(())
}

pub(super) fn participations(district: &District, emit: &mut Emit<'_>) -> Done {
    for index in 0..district.students {
        let mut dice = district.dice(Use::Program, index);
        for (name, kind, share) in PROGRAMS {
            if dice.percent(share) {
                let mut program = agency_reference(district);
                program["programName"] = json!(name);
                program["programTypeDescriptor"] = json!(descriptor("ProgramType", kind));
                emit(json!({
                    "beginDate": day(district.year.first_day()),
                    "educationOrganizationReference": agency_reference(district),
                    "programReference": program,
                    "studentReference": student_reference(index),
                }))?;
            }
        }
    }
    Ok(())
}

/// Assessments: code, title, subject.
const ASSESSMENTS: [(&str, &str, &str); 2] = [
    (
        "INTERIM-ELA",
        "Fall interim, language arts",
        "English Language Arts",
    ),
    ("INTERIM-MATH", "Fall interim, mathematics", "Mathematics"),
];

/// Grades that are assessed.
const ASSESSED: std::ops::RangeInclusive<u64> = 3..=8;

const ASSESSMENT_NAMESPACE: &str = "uri://assessment.example.org";

fn scale_score() -> String {
    descriptor("AssessmentReportingMethod", "Scale score")
}

pub(super) fn assessments(district: &District, emit: &mut Emit<'_>) -> Done {
    let levels: Vec<Value> = ASSESSED
        .map(|grade| json!({"gradeLevelDescriptor": grade_level(grade)}))
        .collect();
    for (code, title, subject) in ASSESSMENTS {
        emit(json!({
            "assessmentIdentifier": format!("{code}-{}", district.year.year),
            "namespace": ASSESSMENT_NAMESPACE,
            "assessmentTitle": title,
            "academicSubjects":
                [{"academicSubjectDescriptor": descriptor("AcademicSubject", subject)}],
            "assessedGradeLevels": levels,
            "assessmentCategoryDescriptor": descriptor("AssessmentCategory", "Achievement test"),
            "scores": [{
                "assessmentReportingMethodDescriptor": scale_score(),
                "minimumScore": "100",
                "maximumScore": "500",
                "resultDatatypeTypeDescriptor": descriptor("ResultDatatypeType", "Integer"),
            }],
        }))?;
    }
    Ok(())
}

pub(super) fn student_assessments(district: &District, emit: &mut Emit<'_>) -> Done {
    let assessed = (0..district.students).filter(|index| ASSESSED.contains(&(index % 13)));
    for index in assessed {
        for (place, (code, ..)) in (0..).zip(ASSESSMENTS) {
            emit(student_assessment(district, index, code, place))?;
        }
    }
    Ok(())
}

fn student_assessment(district: &District, index: u64, code: &str, place: u64) -> Value {
    let mut dice = district.dice(Use::Assessment, index * 2 + place);
    let score = 100 + dice.below(200) + dice.below(201);
    let taken = i64::try_from(30 + place * 2).unwrap_or_default();
    json!({
        "studentAssessmentIdentifier": format!("{code}-{}", student_id(index)),
        "assessmentReference": {
            "assessmentIdentifier": format!("{code}-{}", district.year.year),
            "namespace": ASSESSMENT_NAMESPACE,
        },
        "studentReference": student_reference(index),
        "schoolYearTypeReference": year_reference(district),
        "administrationDate": format!("{}T09:00:00Z", district.year.held_in_fall(taken)),
        "whenAssessedGradeLevelDescriptor": grade_level(index % 13),
        "scoreResults": [{
            "assessmentReportingMethodDescriptor": scale_score(),
            "resultDatatypeTypeDescriptor": descriptor("ResultDatatypeType", "Integer"),
            "result": score.to_string(),
        }],
        "performanceLevels": [{
            "assessmentReportingMethodDescriptor": scale_score(),
            "performanceLevelDescriptor": descriptor("PerformanceLevel", performance(score)),
        }],
    })
}

fn performance(score: u64) -> &'static str {
    match score {
        400.. => "Advanced",
        300.. => "Proficient",
        220.. => "Basic",
        _ => "Below Basic",
    }
}

/// Students who were in an incident, with the day of it.
fn offenders(district: &District) -> impl Iterator<Item = (u64, String)> {
    (0..district.students).filter_map(|index| {
        let mut dice = district.dice(Use::Discipline, index);
        let involved = index % 13 >= 4 && dice.percent(5);
        let ordinal = i64::try_from(dice.below(70)).unwrap_or_default();
        involved.then(|| (index, day(district.year.held_in_fall(ordinal))))
    })
}

fn incident_reference(district: &District, index: u64) -> Value {
    let school = district.school_of(index);
    json!({"incidentIdentifier": format!("INC-{}", student_id(index)), "schoolId": school.id})
}

fn violation() -> String {
    descriptor("Behavior", "School Code of Conduct")
}

pub(super) fn incidents(district: &District, emit: &mut Emit<'_>) -> Done {
    const PLACES: [&str; 4] = [
        "Classroom",
        "Cafeteria area",
        "Hallway or stairs",
        "School bus",
    ];
    for (index, date) in offenders(district) {
        let mut dice = district.dice(Use::Discipline, index * 7 + 3);
        emit(json!({
            "incidentIdentifier": format!("INC-{}", student_id(index)),
            "schoolReference": school_reference(district.school_of(index)),
            "incidentDate": date,
            "incidentLocationDescriptor": descriptor("IncidentLocation", dice.pick(&PLACES)),
            "reporterDescriptionDescriptor": descriptor("ReporterDescription", "Staff"),
            "behaviors": [{"behaviorDescriptor": violation()}],
        }))?;
    }
    Ok(())
}

pub(super) fn behaviors(district: &District, emit: &mut Emit<'_>) -> Done {
    let perpetrator = descriptor("DisciplineIncidentParticipationCode", "Perpetrator");
    for (index, _) in offenders(district) {
        emit(json!({
            "behaviorDescriptor": violation(),
            "disciplineIncidentReference": incident_reference(district, index),
            "studentReference": student_reference(index),
            "disciplineIncidentParticipationCodes":
                [{"disciplineIncidentParticipationCodeDescriptor": perpetrator}],
        }))?;
    }
    Ok(())
}

pub(super) fn actions(district: &District, emit: &mut Emit<'_>) -> Done {
    for (index, date) in offenders(district) {
        let mut dice = district.dice(Use::Discipline, index * 7 + 4);
        let kind = dice.pick(&["In School Suspension", "Removal from Classroom"]);
        let mut association = incident_reference(district, index);
        association["behaviorDescriptor"] = json!(violation());
        association["studentUniqueId"] = json!(student_id(index));
        emit(json!({
            "disciplineActionIdentifier": format!("ACT-{}", student_id(index)),
            "disciplineDate": date,
            "responsibilitySchoolReference": school_reference(district.school_of(index)),
            "studentReference": student_reference(index),
            "disciplines": [{"disciplineDescriptor": descriptor("Discipline", kind)}],
            "actualDisciplineActionLength": dice.between(1, 3),
            "studentDisciplineIncidentBehaviorAssociations":
                [{"studentDisciplineIncidentBehaviorAssociationReference": association}],
        }))?;
    }
    Ok(())
}
