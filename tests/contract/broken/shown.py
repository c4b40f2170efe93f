"""How the fault of each broken plugin is shown without the contract."""

import os
import subprocess
import sys
from collections.abc import Callable

from tests.contract.broken import aliasing, growths, hidden, positions, reads, settings, sizes, state
from tests.contract.demonstrations.answers import (
    divides_large_gradients,
    divides_large_layers,
    fails_or_miscounts,
    gives_nan,
    gives_nan_to_wide_layers,
    loses_large_positions,
    minds_positions,
    prefers_positions,
    prefers_the_end_of_large_layers,
    reads_inactive,
    reads_undeclared,
    selects_elsewhere,
)
from tests.contract.demonstrations.layers import Make
from tests.contract.demonstrations.settings import (
    brings_back_a_setting,
    changes_a_setting,
    changes_a_setting_in_time,
    changes_the_layer,
    starts_the_collector,
)
from tests.contract.demonstrations.surroundings import (
    cannot_be_saved,
    differs_after_calls,
    differs_elsewhere,
    differs_later,
    draws_on_the_layers_device,
    hands_out_what_it_writes_over,
)
from tests.contract.demonstrations.training import (
    cannot_go_back,
    depends_on_the_order_of_layers,
    forgets_among_many,
    forgets_what_is_long_ago,
    ignores_what_it_saw,
    mixes_up_layers,
    resumes_otherwise,
    saves_large_ones_otherwise,
    shares_a_loaded_state,
    strips_letters_of_names,
)

IN_ANOTHER_PROCESS: tuple[type, ...] = (
    *(hidden.FirstOfASet, hidden.WeightsOfASet, hidden.SaltedWhenImported, hidden.HashOfTheName),
)
"""Plugins whose answers differ between processes, which one process cannot show."""

_SEEN_OTHERWISE = (settings.SeedsEveryHundredthTime, settings.RestoresGlobalChance, settings.StartsTheCollector)

SHOWN_BY: dict[Callable[[Make], bool], tuple[type, ...]] = {
    changes_a_setting: (
        *(each for each in settings.EXPECT if each not in _SEEN_OTHERWISE),
        growths.GlobalDrawsWhenLarge,
    ),
    changes_a_setting_in_time: (settings.SeedsEveryHundredthTime,),
    brings_back_a_setting: (settings.RestoresGlobalChance,),
    starts_the_collector: (settings.StartsTheCollector,),
    changes_the_layer: (
        *(aliasing.ClipsTheGradient, aliasing.AsksForAutograd, sizes.InPlaceWhenLarge, aliasing.StateOnTheTensor),
        aliasing.ShakesTheWeights,
        *(growths.StartsWeights, growths.StrikesCandidatesWithAValue),
    ),
    differs_elsewhere: (
        *(
            hidden.LambdaFromTheEnvironment,
            hidden.OptionsOfItsPackage,
            hidden.OptionsOfTheFolder,
            hidden.ExploresByRank,
            hidden.SeededByProcess,
            hidden.SeededByHost,
        ),
        *(hidden.AnnealsByTheHour, hidden.AnnealsByTheDay, hidden.HashOfTheName, hidden.FillsOnlyNonZeros),
        *(hidden.RowSumsByProduct, hidden.InBlocksByProcessor, hidden.SeesTheGPU, hidden.SeededByTheNetworkCard),
        hidden.BorrowsTheGlobalState,
    ),
    differs_later: (hidden.AnnealsSinceItWasMade,),
    differs_after_calls: (
        *(hidden.NumberedWhenMade, hidden.TiresAfterManyCalls, aliasing.OneForAll, aliasing.DefaultArgument),
        *(aliasing.RemembersScoresByStep, aliasing.KeepsTheFirstGenerator, state.ProtectsWhatSelectSaw),
        *(growths.LongestInactive, growths.KeepsItsDraws),
    ),
    hands_out_what_it_writes_over: (aliasing.OneBufferForAll,),
    ignores_what_it_saw: (aliasing.RemembersTheMaskItself, aliasing.KeepsTheGradient, aliasing.KeepsAViewOfTheWeight),
    shares_a_loaded_state: (aliasing.AveragesTheLoadedOnes,),
    mixes_up_layers: (state.ShortNames,),
    depends_on_the_order_of_layers: (state.SavedInOrder,),
    cannot_go_back: (state.LoadingKeepsWhatItHas,),
    divides_large_layers: (sizes.SharesOfMillions,),
    divides_large_gradients: (growths.ShareOfItsChunk,),
    strips_letters_of_names: (state.StripsLetters,),
    forgets_what_is_long_ago: (state.SavesAShortHistory,),
    gives_nan_to_wide_layers: (sizes.CountsInHalf,),
    prefers_the_end_of_large_layers: (positions.BestOfEachBlock,),
    forgets_among_many: (state.RemembersThirtyTwoLayers,),
    saves_large_ones_otherwise: (state.SavesLargeOnesInHalf,),
    loses_large_positions: (sizes.PositionsAsFloats,),
    cannot_be_saved: (state.SavesADataclass,),
    resumes_otherwise: (
        *(aliasing.StateByAddress, state.WarmUpNotSaved, state.SavesTheLastFive, state.SavingRounds),
        *(state.StepsAsText, state.LoadsInFloat32, state.KeptInAFile, state.LoadingStartsTheAverageAnew),
    ),
    reads_inactive: (
        *(state.AveragesGoOn, reads.MomentumBesideItsLargest, reads.CurvatureBesideItsMean, reads.SmoothsKernelRows),
        *(reads.CentresEachUnit, reads.ClipsAtAQuantile, reads.RemembersTheLargestEver),
    ),
    reads_undeclared: (
        *(reads.ObservesAnUndeclaredGradient, reads.DecidesTiesByTheGradient, growths.ReadsMomentumWhereThereIsSome),
        *(reads.NormsWhereThereAreSome, reads.CurvatureWhereThereIsSome, growths.LoudestWhereThereAreNorms),
    ),
    draws_on_the_layers_device: (reads.DrawsOnTheLayersDevice,),
    fails_or_miscounts: (
        *(sizes.SharesOfBlocks, sizes.CountsInSixteenBits, sizes.ThresholdOfASample, sizes.ScheduleRunsOut),
        *(sizes.RanksInTheLayersDtype, reads.MisspeltDeclaration, reads.NonZeroMeansActive),
        *(growths.MaskInsteadOfCandidates, growths.OnlyWhereThereIsAGradient),
        growths.FailsBeforeTheFirstStep,
        sizes.RecursesAtEqualOnes,
    ),
    gives_nan: (
        sizes.CountsInEightBits,
        sizes.SoftScore,
        sizes.EpsilonOfFloat64,
        sizes.OverflowsLate,
        sizes.SpreadByMoments,
    ),
    prefers_positions: (
        *(
            sizes.TopKWhenFew,
            sizes.SideOfTheKernel,
            # in one order for all: workers that run tests side by side have to collect the same ones
            *(
                cls
                for cls in positions.EXPECT
                if cls not in (positions.IndicesOfTheTranspose, positions.PrefersTheCentre, positions.BestOfEachBlock)
            ),
        ),
        *(growths.TopKOfTheGradient, growths.SeededByTheStep, growths.RowsInTurn, growths.FillsUpInOrder),
    ),
    minds_positions: (positions.PrefersTheCentre, sizes.BufferOfAThousandColumns, sizes.DropsTheLastBlock),
    selects_elsewhere: (positions.IndicesOfTheTranspose, growths.ZeroMeansInactive, growths.ByDegreeOnly),
}
"""The demonstration, and the plugins whose fault it shows."""


def answers_in_a_fresh_process(classes: tuple[type, ...], hash_seed: int) -> str:
    """What these plugins answer in another process with this seed of Python's hashes."""
    imports = "\n".join(f"from {cls.__module__} import {cls.__name__}" for cls in classes)
    code = (
        f"{imports}\nfrom tests.contract.demonstrations.surroundings import answers_of_all\n"
        f"print(answers_of_all([{', '.join(cls.__name__ for cls in classes)}]))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout
