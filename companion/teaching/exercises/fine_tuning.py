"""The exercises of lesson 02: freezing that holds, two rates, LP-FT, a split, and three bugs."""

from __future__ import annotations

from companion.teaching.exercise import Exercise, later

EXERCISES = (
    Exercise(
        id="02.1",
        title="Freeze for good",
        goal="Freeze the first blocks so that nothing in them changes, even after model.train().",
        difficulty="medium",
        minutes=12,
        answer="freeze_for_good",
        shows="no parameter and no buffer of the frozen blocks moved in three steps of training, "
        "they gave the same output in train mode, and what stands above them learned.",
        hints=(
            "Two things *change* a block: the optimiser, through its parameters, and BatchNorm, "
            "through its running statistics. Which of them does requires_grad_(False) stop?",
            "BatchNorm updates its buffers in train mode only. block.eval() stops that, until "
            "somebody calls model.train(), which reaches every block below it.",
            "A block's own `train` can be replaced: block.train = lambda mode=True, block=block: "
            "block. Then model.train() calls that instead, and the block stays in eval mode.",
        ),
        verify=later("fine_tuning_rules", "freezing"),
    ),
    Exercise(
        id="02.2",
        title="Two rates",
        goal="Make optimiser groups: the head at one rate, what trains below it at another.",
        difficulty="easy",
        minutes=8,
        answer="two_rates",
        shows="every parameter that trains stands in one group, at its own rate, and no frozen one "
        "came along.",
        hints=(
            "An optimiser takes a list of dictionaries: [{'params': [...], 'lr': ...}, ...].",
            "model.named_parameters() gives names and parameters; the head's names begin with "
            "'head.'. What says whether a parameter trains?",
            "Collect head = [p for name, p in ... if name.startswith('head.')] and the others "
            "likewise, both only where p.requires_grad.",
        ),
        verify=later("fine_tuning_rules", "rates"),
    ),
    Exercise(
        id="02.3",
        title="LP-FT: first the head, then everything",
        goal="Train the head alone, then everything from there, at a rate of its own.",
        difficulty="easy",
        minutes=8,
        answer="lp_ft",
        shows="the second step began from the head that the first one had found, and the backbone "
        "did not move before.",
        hints=(
            "Two calls of `train`: which parameters does each get, and which rate?",
            "In the first call only the head's parameters may change: list(model.head.parameters())"
            ".",
            "The second call gets list(model.parameters()) and the lower rate. Between the two "
            "nothing is made anew.",
        ),
        verify=later("fine_tuning_rules", "two_steps"),
    ),
    Exercise(
        id="02.4",
        title="Split by module",
        goal="Split cells into train, validation and test so that no module is on two sides.",
        difficulty="medium",
        minutes=12,
        answer="split_by_module",
        shows="no module stands on two sides, both types are on each, every cell is somewhere, "
        "and the seed decides.",
        hints=(
            "Split the modules, not the cells. Cells follow their module.",
            "Do it for each kind on its own: rng.permutation(np.unique(modules[kinds == kind])) "
            "shuffles the modules of one kind. The first part tests, the next validates.",
            "np.flatnonzero(np.isin(modules, chosen)) gives the cells of the chosen modules.",
        ),
        verify=later("fine_tuning_split", "splitting"),
    ),
    Exercise(
        id="02.5",
        title="Find the bug: three of them",
        goal="Mend the evaluation: three mistakes, each of which makes the number untrue.",
        difficulty="medium",
        minutes=12,
        answer="honest_accuracy",
        shows="the epoch is chosen on validation pictures, the model is in eval mode, and each "
        "test picture counts once.",
        hints=(
            "Ask of each line: may it look at these labels? Does it count every picture once? Is "
            "the model in the mode in which it will be used?",
            "The test set may not choose the epoch. The last batch is shorter. BatchNorm in train "
            "mode makes an answer depend on its neighbours in the batch.",
            "Write a helper accuracy(pictures, labels) with model.eval(), torch.no_grad() and a "
            "count of right answers. Use it on validation for each state, on test once.",
        ),
        verify=later("fine_tuning_bug", "evaluation"),
    ),
)
