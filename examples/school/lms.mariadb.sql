-- What a learning management system keeps of people and classes, in MariaDB or MySQL.
CREATE TABLE users (
    idnumber varchar(40) PRIMARY KEY,
    username varchar(60) NOT NULL UNIQUE,
    firstname varchar(100) NOT NULL,
    lastname varchar(100) NOT NULL,
    email varchar(120) NOT NULL UNIQUE,
    role varchar(20) NOT NULL,
    suspended BOOLEAN NOT NULL DEFAULT FALSE,
    last_login TIMESTAMP NULL
);
CREATE TABLE cohorts (idnumber varchar(40) PRIMARY KEY, name varchar(120) NOT NULL);
CREATE TABLE cohort_members (
    cohort varchar(40) NOT NULL REFERENCES cohorts (idnumber) ON UPDATE CASCADE,
    member varchar(40) NOT NULL REFERENCES users (idnumber) ON UPDATE CASCADE,
    PRIMARY KEY (cohort, member)
);
CREATE TABLE courses (shortname varchar(40) PRIMARY KEY, fullname varchar(120) NOT NULL);
CREATE TABLE course_groups (
    name varchar(40) PRIMARY KEY,
    course varchar(40) NOT NULL REFERENCES courses (shortname) ON UPDATE CASCADE
);
CREATE TABLE enrolments (
    class varchar(40) NOT NULL REFERENCES course_groups (name) ON UPDATE CASCADE,
    member varchar(40) NOT NULL REFERENCES users (idnumber) ON UPDATE CASCADE,
    role varchar(20) NOT NULL,
    PRIMARY KEY (class, member)
);
INSERT INTO users (idnumber, username, firstname, lastname, email, role)
VALUES ('admin', 'admin', 'Ada', 'Admin', 'admin@school.example', 'admin');
