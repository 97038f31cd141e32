"""The exercises of lesson 07: groups, a report's cures, choosing an arm, more labels, a bug."""

from __future__ import annotations

from companion.teaching.exercise import Exercise, later

EXERCISES = (
    Exercise(
        id="07.1",
        title="Groups in a folder",
        goal="Split files so that no patient stands on both sides.",
        difficulty="medium",
        minutes=12,
        answer="parts",
        shows="patients are drawn, not files, and each is read from the whole of its name.",
        hints=(
            "Write a small function first: from the name of a file to its patient.",
            'Path(name).stem has no extension, and stem.rpartition("_")[0] is what stands before '
            "the last underscore: empty text if there is none.",
            "patients = list(dict.fromkeys(map(patient, names))); test = [name for name in names "
            "if patient(name) in patients[:testing]]; train is the rest.",
        ),
        verify=later("own_data_rules", "grouping"),
    ),
    Exercise(
        id="07.2",
        title="A report with six faults",
        goal="Leave out of a set what its report says must not stay, and nothing else.",
        difficulty="hard",
        minutes=15,
        answer="cures",
        shows="what is doubtful leaves, what the test has seen leaves the training part, and what "
        "is rare stays.",
        hints=(
            "Two passes. The first finds out which labels each text has, and which texts test. "
            "The second decides row by row.",
            "labels.setdefault(text, set()).add(label): a text with two labels in its set leaves "
            "altogether. A row that trains leaves if its text stands among those that test.",
            'Of the rows that are left: kept[row["part"]].setdefault(text, i), with kept = '
            '{"train": {}, "test": {}}, keeps the first of copies. Return the values of both.',
        ),
        verify=later("own_data_cures", "curing"),
    ),
    Exercise(
        id="07.3",
        title="Choose for Monday",
        goal="Choose an arm by what is known of its gain and of its time.",
        difficulty="medium",
        minutes=12,
        answer="choose",
        shows="what does not fit is out, a lead inside the intervals is none, and where all are "
        "alike you say so.",
        hints=(
            "Three steps: who fits, who is tied with the first of those, and are these all?",
            "first = max(fit, key=lambda name: arms[name][1]). Another is tied if its high end is "
            "at or above the low end of first.",
            "tied = [name for name in fit if arms[name][2] >= arms[first][0]]; if len(fit) > 1 and "
            'len(tied) == len(fit): return "not enough evidence"; return min(tied, key=lambda '
            "name: arms[name][3])",
        ),
        verify=later("own_data_choices", "choosing"),
    ),
    Exercise(
        id="07.4",
        title="What would twice the labels buy?",
        goal="Return what a doubling of the labels has gained so far, with its interval.",
        difficulty="hard",
        minutes=15,
        answer="doubling",
        shows="the line is straight over doublings, each run has a slope of its own, and the "
        "interval is of their mean.",
        hints=(
            "A doubling is one step of log2(labels). So the slope over it is a gain per doubling.",
            "One line per run: np.polyfit takes all at once if the runs stand in columns. Then "
            "take the interval of the J slopes as in exercise 00.3.",
            "slopes = np.polyfit(np.log2(labels), scores.T, 1)[0]; half = stats.t.ppf(0.975, "
            "J - 1) * slopes.std(ddof=1) / np.sqrt(J)",
        ),
        verify=later("own_data_curves", "extrapolating"),
    ),
    Exercise(
        id="07.5",
        title="Find the bug: labels in another order",
        goal="Name the classes so that output k means the same class in every process.",
        difficulty="easy",
        minutes=8,
        answer="class_names",
        shows="the names alone decide their order, not the rows and not the process.",
        hints=(
            "Start Python twice and print list({'cat', 'dog', 'hen'}) a few times. What changes?",
            "Which order depends on nothing but the names?",
            "sorted(...) takes a set and returns a list, always in the same order.",
        ),
        verify=later("own_data_rules", "naming"),
    ),
)
