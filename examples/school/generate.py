#!/usr/bin/env python3
"""What the information system of a school of 5,000 people exports, on some days of a year.

    python3 generate.py sis start        # students.csv, staff.csv, schedule.csv in the folder sis
    python3 generate.py sis start 470    # the same for a school with so many students

The days are start (of term), week (a week later), back (some of those who left are back, one has
another number) and rollover (the next school year). The same day is the same export every time.
"""

import csv
import os
import random
import sys

STUDENTS = 4700
GRADES = 12
ROOMS = "ABCDEFGHIJKLMN"
SUBJECTS = {
    "MATH": "Mathematics",
    "ELA": "English",
    "SCI": "Science",
    "SOC": "Social Studies",
    "ART": "Art",
    "PE": "Physical Education",
}
GIVEN = (
    "Ada Amir Anaïs Bao Carla Chidi Dunja Elif Émile Farid Grace Hana Ilse Ivan Jonas José Kofi "
    "Lea Lucía Mei Minh Noor Olu Pia Quinn Rosa Sean Tariq Uma Yara Zoë"
).split()
FAMILY = (
    "Abe Baker Castro D'Angelo Eze Fischer García Haddad Ito Jansen Kaya Lopez Müller Nguyen "
    "O'Brien Petrov Quist Rossi Sato Şahin Tran Ueda Vogel Wang Xu Yilmaz Zhang Łukasik Ødegård"
).split()
DAYS = ["start", "week", "back", "rollover"]


def person(number, prefix):
    chance = random.Random(f"{prefix}{number}")
    return {
        "id": f"{prefix}{number}",
        "given": chance.choice(GIVEN),
        "family": chance.choice(FAMILY),
        "email": f"{prefix}{number}@school.example".lower(),
    }


def student(number, grade):
    room = ROOMS[number // GRADES % len(ROOMS)]
    return person(number, "S") | {"grade": grade, "room": room}


def start(size):
    """Every student by a number that stays the same, whatever the school calls them."""
    return {number: student(number, number % GRADES + 1) for number in range(size)}


def week(students):
    """Of 4,700, 20 have another name, 40 another homeroom, 10 have left and 15 have come."""
    size = len(students)
    renamed, moved, left, come = size // 235, size // 117, size // 470, size // 313
    chosen = random.Random("week").sample(sorted(students), renamed + moved + left)
    for number in chosen[:renamed]:
        students[number]["family"] += "-Smith"
    for number in chosen[renamed : renamed + moved]:
        students[number]["room"] = "A" if students[number]["room"] != "A" else "B"
    for number in chosen[renamed + moved :]:
        del students[number]
    for number in range(size, size + come):
        students[number] = student(number, number % GRADES + 1)
    return chosen[renamed + moved :]


def back(students, left):
    """Some of those who left are back, and one who stayed has another number."""
    for number in left[: max(1, len(left) // 5)]:
        students[number] = student(number, number % GRADES + 1)
    one = min(students)
    students[one]["id"] = "S-NEW-1"


def rollover(students):
    """Everybody is a grade further, the last have left, and there are new first graders."""
    for number, one in sorted(students.items()):
        if one["grade"] == GRADES:
            del students[number]
        else:
            one["grade"] += 1
    for number in range(100_000, 100_000 + len(students) // GRADES):
        students[number] = student(number, 1)


def on(day, size):
    students = start(size)
    if DAYS.index(day) >= 1:
        left = week(students)
    if DAYS.index(day) >= 2:
        back(students, left)
    if DAYS.index(day) >= 3:
        rollover(students)
    return [one for _, one in sorted(students.items())]


def staff(size):
    """One for about 16 students, and in a small school still one for each subject."""
    return [
        person(number, "T") | {"department": list(SUBJECTS)[number % len(SUBJECTS)]}
        for number in range(max(len(SUBJECTS), size * 3 // 47))
    ]


def write(folder, name, header, rows):
    """A file appears when it is whole."""
    path = os.path.join(folder, name)
    with open(path + ".part", "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(header)
        out.writerows(rows)
    os.replace(path + ".part", path)


def schedule(students, teachers):
    """Each homeroom has each subject together, with one teacher."""
    for one in students:
        for index, (subject, title) in enumerate(SUBJECTS.items()):
            course = f"{subject}-{one['grade']:02}"
            able = teachers[index :: len(SUBJECTS)]
            teacher = able[(one["grade"] * len(ROOMS) + ROOMS.index(one["room"])) % len(able)]
            section = f"{course}-{one['room']}"
            yield section, course, f"{title} {one['grade']}", teacher["id"], one["id"]


def main():
    folder, day, *size = sys.argv[1:]
    size = int(size[0]) if size else STUDENTS
    if day not in DAYS:
        sys.exit(f"the day is one of {', '.join(DAYS)}")
    students, teachers = on(day, size), staff(size)
    os.makedirs(folder, exist_ok=True)
    write(
        folder,
        "students.csv",
        ["student_id", "family_name", "given_name", "email", "grade", "homeroom"],
        (
            [one["id"], one["family"], one["given"], one["email"], one["grade"],
             f"{one['grade']:02}{one['room']}"]
            for one in students
        ),
    )
    write(
        folder,
        "staff.csv",
        ["staff_id", "family_name", "given_name", "email", "department"],
        ([one["id"], one["family"], one["given"], one["email"], one["department"]] for one in teachers),
    )
    write(
        folder,
        "schedule.csv",
        ["section_id", "course_code", "course_title", "teacher_id", "student_id"],
        schedule(students, teachers),
    )


if __name__ == "__main__":
    main()
