"""Several Pythons at once: multiprocessing with pipes, queues, locks, shared memory."""

import concurrent.futures
import multiprocessing


def square(number):
    return number * number


def fill(shared, lock, number):
    for _ in range(100):
        with lock:
            shared[number % 4] += 1


def put(queue, first):
    for number in range(100):
        queue.put(first * 100 + number)


def talk(questions, answers):
    while True:
        word = questions.recv()
        if word is None:
            break
        answers.send(word.upper())


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    questions, ours = multiprocessing.Pipe(duplex=False)
    answers, theirs = multiprocessing.Pipe(duplex=False)
    worker = multiprocessing.Process(target=talk, args=(questions, theirs))
    worker.start()
    for word in ("a", "bc", "d" * 100):
        ours.send(word)
        print(answers.recv()[:5])
    ours.send(None)
    worker.join()
    print(worker.exitcode)
    numbers = multiprocessing.Array("i", 4, lock=False)
    lock = multiprocessing.Lock()
    workers = [multiprocessing.Process(target=fill, args=(numbers, lock, n)) for n in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(list(numbers))
    with multiprocessing.Pool(3) as pool:
        print(sum(pool.map(square, range(500))))
    with concurrent.futures.ProcessPoolExecutor(3) as pool:
        print(sum(pool.map(square, range(300), chunksize=10)))
    queue = multiprocessing.SimpleQueue()
    workers = [multiprocessing.Process(target=put, args=(queue, n)) for n in range(5)]
    for worker in workers:
        worker.start()
    print(sorted(queue.get() for _ in range(500))[::50])
    for worker in workers:
        worker.join()
