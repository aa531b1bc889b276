//! Records that refer to five others each, and those others.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Result;
use fs_err::File;

use crate::bench::program::Workshop;

/// The collection whose references are checked where all are in the files.
pub(super) const SECTIONS: &str = "sections";
/// The collection whose references are checked where all are in the API.
pub(super) const ENROLMENTS: &str = "studentSchoolAssociations";

const SCHOOLS: u64 = 20;
const PERIODS: u64 = 8;
const ROOMS: u64 = 50;

/// Sections, and in files beside them everything they refer to.
pub(super) fn sections(workshop: &Workshop, records: u64) -> Result<PathBuf> {
    let folder = workshop.folder.join(format!("data-sections-{records}"));
    let offerings = (records / 4).max(1);
    write(&folder, "schools", SCHOOLS, school)?;
    write(&folder, "classPeriods", SCHOOLS * PERIODS, class_period)?;
    write(&folder, "locations", SCHOOLS * ROOMS, room)?;
    write(&folder, "courseOfferings", offerings, offering)?;
    write(&folder, SECTIONS, records, |index| {
        section(index, offerings)
    })?;
    Ok(folder)
}

/// Students and their schools, for the API.
pub(super) fn students(workshop: &Workshop, records: u64) -> Result<PathBuf> {
    let folder = workshop.folder.join(format!("data-referred-{records}"));
    write(&folder, "schools", SCHOOLS, school)?;
    write(&folder, "students", records, |index| {
        format!(
            "{{\"studentUniqueId\":\"{index}\",\"firstName\":\"Ada\",\"lastSurname\":\"Byron\",\
             \"birthDate\":\"2014-05-01\"}}"
        )
    })?;
    Ok(folder)
}

/// An enrolment of every student.
pub(super) fn enrolments(workshop: &Workshop, records: u64) -> Result<PathBuf> {
    let folder = workshop.folder.join(format!("data-referring-{records}"));
    write(&folder, ENROLMENTS, records, |index| {
        format!(
            "{{\"studentReference\":{{\"studentUniqueId\":\"{index}\"}},\
             \"schoolReference\":{{\"schoolId\":{}}},\"entryDate\":\"2025-08-20\",\
             \"entryGradeLevelDescriptor\":\"{}\"}}",
            index % SCHOOLS,
            "uri://ed-fi.org/GradeLevelDescriptor#Ninth grade"
        )
    })?;
    Ok(folder)
}

/// A file of records, kept from run to run.
fn write(folder: &Path, name: &str, records: u64, record: impl Fn(u64) -> String) -> Result<()> {
    let file = folder.join(format!("{name}.jsonl"));
    if file.is_file() {
        return Ok(());
    }
    fs_err::create_dir_all(folder)?;
    let beside = folder.join(format!("{name}.part"));
    let mut writer = BufWriter::with_capacity(1 << 20, File::create(&beside)?);
    for index in 0..records {
        writeln!(writer, "{}", record(index))?;
    }
    writer.flush()?;
    Ok(fs_err::rename(beside, file)?)
}

fn school(index: u64) -> String {
    let categories = "\"educationOrganizationCategories\":[{\
         \"educationOrganizationCategoryDescriptor\":\
         \"uri://ed-fi.org/EducationOrganizationCategoryDescriptor#School\"}]";
    let levels = "\"gradeLevels\":[{\"gradeLevelDescriptor\":\
         \"uri://ed-fi.org/GradeLevelDescriptor#Ninth grade\"}]";
    format!(
        "{{\"schoolId\":{index},\"nameOfInstitution\":\"School {index}\",{categories},{levels}}}"
    )
}

fn school_reference(school: u64) -> String {
    format!("\"schoolReference\":{{\"schoolId\":{school}}}")
}

fn class_period(index: u64) -> String {
    let school = school_reference(index % SCHOOLS);
    format!(
        "{{\"classPeriodName\":\"Period {}\",{school}}}",
        index / SCHOOLS
    )
}

fn room(index: u64) -> String {
    let school = school_reference(index % SCHOOLS);
    format!(
        "{{\"classroomIdentificationCode\":\"Room {}\",{school}}}",
        index / SCHOOLS
    )
}

fn offering(index: u64) -> String {
    let school = index % SCHOOLS;
    format!(
        "{{\"localCourseCode\":\"C-{index:07}\",\"courseReference\":{{\"courseCode\":\"C\",\
         \"educationOrganizationId\":{school}}},{},\"sessionReference\":{{\"schoolId\":{school},\
         \"schoolYear\":2026,\"sessionName\":\"Fall Semester\"}}}}",
        school_reference(school)
    )
}

fn section(index: u64, offerings: u64) -> String {
    let offering = index % offerings;
    let school = offering % SCHOOLS;
    let period = |number: u64| {
        format!(
            "{{\"classPeriodReference\":{{\"classPeriodName\":\"Period {}\",\"schoolId\":{school}}}}}",
            number % PERIODS
        )
    };
    format!(
        "{{\"sectionIdentifier\":\"S-{index:09}\",\"courseOfferingReference\":{{\
         \"localCourseCode\":\"C-{offering:07}\",\"schoolId\":{school},\"schoolYear\":2026,\
         \"sessionName\":\"Fall Semester\"}},\"locationReference\":{{\
         \"classroomIdentificationCode\":\"Room {}\",\"schoolId\":{school}}},\
         \"locationSchoolReference\":{{\"schoolId\":{school}}},\"classPeriods\":[{},{}],\
         \"availableCredits\":1.5,\"sequenceOfCourse\":1,\"sectionName\":\"Section {index}\",\
         \"educationalEnvironmentDescriptor\":\
         \"uri://ed-fi.org/EducationalEnvironmentDescriptor#Classroom\"}}",
        index % ROOMS,
        period(index),
        period(index + 1),
    )
}
