//! What is taught: courses by grade, and who teaches which section.

use super::district::{District, LEVELS, School};

/// A course of one grade.
#[derive(Clone, Copy)]
pub(super) struct Course {
    pub(super) grade: u64,
    /// Position among the courses of the grade; one subject keeps one slot at a level.
    pub(super) slot: u64,
    pub(super) title: &'static str,
    pub(super) subject: &'static str,
    short: &'static str,
}

/// A section of a course in a school.
#[derive(Clone, Copy)]
pub(super) struct Section {
    pub(super) course: Course,
    pub(super) school: School,
    pub(super) number: u64,
}

/// A teacher's place in a school, with what is taught from it.
pub(super) struct Teacher {
    pub(super) ordinal: u64,
    pub(super) sections: Vec<Section>,
}

const ELEMENTARY: [(&str, &str); 2] = [("ELA", "English Language Arts"), ("MATH", "Mathematics")];

const SECONDARY: [(&str, &str); 4] = [
    ("ELA", "English Language Arts"),
    ("MATH", "Mathematics"),
    ("SCI", "Science"),
    ("SOC", "Social Studies"),
];

/// Titles of secondary courses by grade from the sixth.
const TITLES: [[&str; 4]; 7] = [
    [
        "Language Arts 6",
        "Mathematics 6",
        "Earth Science",
        "World Cultures",
    ],
    [
        "Language Arts 7",
        "Mathematics 7",
        "Life Science",
        "State History",
    ],
    [
        "Language Arts 8",
        "Pre-Algebra",
        "Physical Science",
        "United States History 8",
    ],
    ["English I", "Algebra I", "Biology", "World Geography"],
    ["English II", "Geometry", "Chemistry", "World History"],
    [
        "English III",
        "Algebra II",
        "Physics",
        "United States History",
    ],
    [
        "English IV",
        "Pre-Calculus",
        "Environmental Science",
        "Government and Economics",
    ],
];

/// The courses of a grade by slot.
pub(super) fn courses_of(grade: u64) -> Vec<Course> {
    let titles = grade
        .checked_sub(6)
        .and_then(|row| TITLES.get(usize::try_from(row).ok()?));
    let subjects: &[(&str, &str)] = if titles.is_some() {
        &SECONDARY
    } else {
        &ELEMENTARY
    };
    let subjects = (0..).zip(subjects);
    subjects
        .enumerate()
        .map(|(index, (slot, &(short, subject)))| {
            let title = titles.map_or(subject, |titles| titles[index]);
            Course {
                grade,
                slot,
                title,
                subject,
                short,
            }
        })
        .collect()
}

/// All courses of the district.
pub(super) fn all_courses() -> impl Iterator<Item = Course> {
    (0..=LEVELS[2].last_grade).flat_map(courses_of)
}

impl Course {
    pub(super) fn code(self) -> String {
        format!("{}-{:02}", self.short, self.grade)
    }

    /// Class period in which every section of the course meets, from 1. Courses of one grade
    /// meet at different times, and so do the grades of one subject.
    pub(super) fn period(self) -> u64 {
        if self.grade < 6 {
            self.slot * 2 + 1
        } else {
            (self.slot + self.grade) % 4 + 1
        }
    }
}

impl Section {
    pub(super) fn identifier(self) -> String {
        format!("{}-S{:02}", self.course.code(), self.number + 1)
    }

    /// The place of the teacher in the school; the room has the same number.
    pub(super) fn teacher(self, district: &District) -> u64 {
        if self.course.grade < 6 {
            let widest = widest(district, self.school);
            self.course.grade * widest + self.number
        } else {
            self.number * 4 + self.course.slot
        }
    }
}

/// Sections of one school, grade by grade.
pub(super) fn sections_of(district: &District, school: School) -> Vec<Section> {
    let in_grade = |grade| {
        let count = district.sections_of(school, grade);
        let section = move |course| {
            (0..count).map(move |number| Section {
                course,
                school,
                number,
            })
        };
        courses_of(grade).into_iter().flat_map(section)
    };
    school.grades().flat_map(in_grade).collect()
}

/// The teachers of one school by their place.
pub(super) fn teachers_of(district: &District, school: School) -> Vec<Teacher> {
    let mut sections = sections_of(district, school);
    sections.sort_by_cached_key(|section| section.teacher(district));
    let groups = sections.chunk_by(|left, right| left.teacher(district) == right.teacher(district));
    groups
        .map(|group| Teacher {
            ordinal: group[0].teacher(district),
            sections: group.to_vec(),
        })
        .collect()
}

fn widest(district: &District, school: School) -> u64 {
    school
        .grades()
        .map(|grade| district.sections_of(school, grade))
        .max()
        .unwrap_or_default()
}
