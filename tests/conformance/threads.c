/* Threads, mutexes, condition variables, barriers, thread-local storage, joining and cancelling (pthreads(7)). */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { THREADS = 8, ROUNDS = 200, ITEMS = 300 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER, emptied = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static sem_t signals;
static long counter, slot, sum;
static int is_full;
static atomic_long atomic_counter, destroyed, initialised;
static _Thread_local long own;

static void destroy(void *value) { atomic_fetch_add(&destroyed, (long)value); }
static void initialise(void) { atomic_fetch_add(&initialised, 1); }
static void count_signal(int number) { (void)number; sem_post(&signals); }

static void *count(void *argument)
{
    pthread_once(&once, initialise);
    pthread_setspecific(key, (void *)1);
    pthread_barrier_wait(&barrier);
    for (int round = 0; round < ROUNDS; round++) {
        own++;
        atomic_fetch_add(&atomic_counter, 1);
        pthread_mutex_lock(&lock);
        counter++;
        if (round % 50 == 0)
            usleep(1);
        pthread_mutex_unlock(&lock);
    }
    return (void *)(own * (long)argument);
}

static void *consume(void *argument)
{
    (void)argument;
    for (int item = 0; item < ITEMS; item++) {
        pthread_mutex_lock(&lock);
        while (!is_full)
            pthread_cond_wait(&filled, &lock);
        sum += slot;
        is_full = 0;
        pthread_cond_signal(&emptied);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static void *sleep_forever(void *argument)
{
    for (;;)
        pause();
    return argument;
}

int main(void)
{
    pthread_t threads[THREADS], consumer, sleeper;
    void *result;
    long total = 0;

    sem_init(&signals, 0, 0);
    pthread_barrier_init(&barrier, NULL, THREADS);
    pthread_key_create(&key, destroy);
    for (long number = 0; number < THREADS; number++)
        if (pthread_create(&threads[number], NULL, count, (void *)number) != 0)
            return 2;
    for (int number = 0; number < THREADS; number++) {
        pthread_join(threads[number], &result);
        total += (long)result;
    }
    printf("counter %ld atomic %ld total %ld own %ld\n", counter, atomic_load(&atomic_counter), total, own);
    printf("destroyed %ld initialised %ld\n", atomic_load(&destroyed), atomic_load(&initialised));

    pthread_create(&consumer, NULL, consume, NULL);
    for (int item = 0; item < ITEMS; item++) {
        pthread_mutex_lock(&lock);
        while (is_full)
            pthread_cond_wait(&emptied, &lock);
        slot = item;
        is_full = 1;
        pthread_cond_signal(&filled);
        pthread_mutex_unlock(&lock);
    }
    pthread_join(consumer, NULL);
    printf("sum %ld\n", sum);

    signal(SIGUSR1, count_signal);
    pthread_create(&sleeper, NULL, sleep_forever, NULL);
    pthread_kill(sleeper, SIGUSR1);
    sem_wait(&signals);
    pthread_cancel(sleeper);
    pthread_join(sleeper, &result);
    printf("cancelled %d\n", result == PTHREAD_CANCELED);
    fflush(stdout);
    pthread_create(&sleeper, NULL, sleep_forever, NULL);
    exit(7);
}
