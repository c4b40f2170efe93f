"""How the fault of each broken plugin is shown without the contract."""

import os
import subprocess
import sys
from collections.abc import Callable

from tests.contract.broken import aliasing, counts, growths, hidden, positions, reads, saving, settings, sizes, state
from tests.contract.demonstrations.answers import (
    fails_or_miscounts,
    gives_nan,
    minds_positions,
    prefers_positions,
    reads_inactive,
    reads_inactive_of_sparse_layers,
    reads_undeclared,
    selects_elsewhere,
)
from tests.contract.demonstrations.large import (
    differs_when_large,
    divides_large_gradients,
    divides_large_layers,
    gives_nan_to_wide_layers,
    loses_large_positions,
    minds_the_order_in_memory,
    miscounts_millions,
    prefers_the_end_of_large_layers,
    prefers_the_front_of_large_ties,
)
from tests.contract.demonstrations.layers import Make
from tests.contract.demonstrations.saving import (
    cannot_go_back,
    forgets_among_many,
    forgets_what_is_long_ago,
    saves_few_of_many,
    saves_large_ones_otherwise,
    shares_a_loaded_state,
)
from tests.contract.demonstrations.settings import (
    brings_back_a_setting,
    changes_a_setting,
    changes_a_setting_in_time,
    changes_the_layer,
    lets_logs_speak,
    minds_infinite_gradients,
    starts_the_collector,
)
from tests.contract.demonstrations.surroundings import (
    cannot_be_saved,
    differs_after_calls,
    differs_elsewhere,
    differs_later,
    differs_without_assertions,
    draws_by_the_first_seed,
    draws_on_the_layers_device,
    hands_out_what_it_writes_over,
)
from tests.contract.demonstrations.training import (
    depends_on_the_order_of_layers,
    ignores_what_it_saw,
    mixes_up_layers,
    resumes_otherwise,
    strips_letters_of_names,
)

IN_ANOTHER_PROCESS: tuple[type, ...] = (
    *(hidden.FirstOfASet, hidden.WeightsOfASet, hidden.SaltedWhenImported, hidden.HashOfTheName),
)
"""Plugins whose answers differ between processes, which one process cannot show."""

_SEEN_OTHERWISE = (
    *(settings.SeedsEveryHundredthTime, settings.RestoresGlobalChance, settings.StartsTheCollector),
    *(settings.LetsLogsSpeakAgain, settings.LooksForAnomalies),
)

SHOWN_BY: dict[Callable[[Make], bool], tuple[type, ...]] = {
    changes_a_setting: (
        *(each for each in settings.EXPECT if each not in _SEEN_OTHERWISE),
        growths.GlobalDrawsWhenLarge,
    ),
    changes_a_setting_in_time: (settings.SeedsEveryHundredthTime,),
    brings_back_a_setting: (settings.RestoresGlobalChance,),
    starts_the_collector: (settings.StartsTheCollector,),
    lets_logs_speak: (settings.LetsLogsSpeakAgain,),
    minds_infinite_gradients: (settings.LooksForAnomalies,),
    minds_the_order_in_memory: (positions.InMemoryOrder,),
    differs_when_large: (growths.SamplesLargeLayers,),
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
        *(hidden.BorrowsTheGlobalState, hidden.ByWorldSize, hidden.LogsWhenAsked, hidden.ShortOfMemory),
        hidden.ShortOfMemoryLater,
    ),
    differs_without_assertions: (hidden.AssertsItsShape,),
    differs_later: (hidden.AnnealsSinceItWasMade,),
    differs_after_calls: (
        *(hidden.NumberedWhenMade, hidden.TiresAfterManyCalls, aliasing.OneForAll, aliasing.DefaultArgument),
        *(aliasing.BalancesOncePerStep, aliasing.StoreByDefault),
        *(aliasing.RemembersScoresByStep, aliasing.KeepsTheFirstGenerator, state.ProtectsWhatSelectSaw),
        *(growths.LongestInactive, growths.KeepsItsDraws, growths.RemembersWhatFailed),
    ),
    hands_out_what_it_writes_over: (aliasing.OneBufferForAll,),
    ignores_what_it_saw: (aliasing.RemembersTheMaskItself, aliasing.KeepsTheGradient, aliasing.KeepsAViewOfTheWeight),
    shares_a_loaded_state: (aliasing.AveragesTheLoadedOnes,),
    mixes_up_layers: (state.ShortNames,),
    depends_on_the_order_of_layers: (state.SavedInOrder,),
    cannot_go_back: (state.LoadingKeepsWhatItHas,),
    divides_large_layers: (sizes.SharesOfMillions, sizes.ShardByShard),
    miscounts_millions: (counts.PackedKeys,),
    divides_large_gradients: (growths.ShareOfItsChunk,),
    strips_letters_of_names: (state.StripsLetters,),
    forgets_what_is_long_ago: (saving.SavesAShortHistory,),
    gives_nan_to_wide_layers: (counts.CountsInHalf, counts.ByFanIn),
    prefers_the_end_of_large_layers: (positions.BestOfEachBlock,),
    prefers_the_front_of_large_ties: (counts.RanksAndDraws,),
    forgets_among_many: (state.RemembersThirtyTwoLayers,),
    saves_few_of_many: (saving.SavesTheRecent,),
    saves_large_ones_otherwise: (saving.SavesLargeOnesInHalf,),
    loses_large_positions: (counts.PositionsAsFloats,),
    cannot_be_saved: (saving.SavesADataclass,),
    resumes_otherwise: (
        *(aliasing.StateByAddress, state.WarmUpNotSaved, saving.SavesTheLastFive, saving.SavingRounds),
        *(saving.StepsAsText, state.LoadsInFloat32, saving.KeptInAFile, state.LoadingStartsTheAverageAnew),
        *(saving.SavesActiveOnes, saving.SavesAgesAlone, growths.TabuAsText),
    ),
    reads_inactive: (
        *(state.AveragesGoOn, reads.MomentumBesideItsLargest, reads.CurvatureBesideItsMean, reads.SmoothsKernelRows),
        *(reads.CentresEachUnit, reads.ClipsAtAQuantile, reads.RemembersTheLargestEver),
    ),
    reads_inactive_of_sparse_layers: (reads.ClipsOutliersOfTheProduct,),
    reads_undeclared: (
        *(reads.ObservesAnUndeclaredGradient, reads.DecidesTiesByTheGradient, growths.ReadsMomentumWhereThereIsSome),
        *(reads.NormsWhereThereAreSome, reads.CurvatureWhereThereIsSome, growths.LoudestWhereThereAreNorms),
    ),
    draws_on_the_layers_device: (reads.DrawsOnTheLayersDevice, reads.DrawsWhereItIs),
    draws_by_the_first_seed: (reads.GeneratorOfTheDevice,),
    fails_or_miscounts: (
        *(sizes.SharesOfBlocks, counts.CountsInSixteenBits, sizes.ThresholdOfASample, counts.ScheduleRunsOut),
        *(counts.RanksInTheLayersDtype, reads.MisspeltDeclaration, reads.NonZeroMeansActive),
        *(growths.MaskInsteadOfCandidates, growths.OnlyWhereThereIsAGradient),
        growths.FailsBeforeTheFirstStep,
        sizes.RecursesAtEqualOnes,
    ),
    gives_nan: (
        counts.CountsInEightBits,
        counts.SoftScore,
        counts.EpsilonOfFloat64,
        counts.OverflowsLate,
        *(counts.SpreadByMoments, counts.ColdTemperature, counts.SmallCounts, counts.GrowingIncrements),
    ),
    prefers_positions: (
        *(
            sizes.TopKWhenFew,
            sizes.SideOfTheKernel,
            # in one order for all: workers that run tests side by side have to collect the same ones
            *(
                cls
                for cls in positions.EXPECT
                if cls
                not in (
                    *(positions.IndicesOfTheTranspose, positions.PrefersTheCentre, positions.BestOfEachBlock),
                    positions.InMemoryOrder,
                )
            ),
        ),
        *(growths.TopKOfTheGradient, growths.SeededByTheStep, growths.RowsInTurn, growths.FillsUpInOrder),
    ),
    minds_positions: (
        *(positions.PrefersTheCentre, sizes.BufferOfAThousandColumns, sizes.DropsTheLastBlock),
        sizes.SumsOfSquareLayers,
    ),
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
